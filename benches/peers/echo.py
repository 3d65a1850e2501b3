"""Echo on Python's libraries: echo.py NAME PORT, with a name of ECHOES."""

import asyncio
import resource
import sys

HOST = "127.0.0.1"
LARGEST = 16 << 20


async def websockets_echo(port):
    import websockets

    return await coroutine_echo(websockets, port)


async def wsrs_echo(port):
    import wsrs.asyncio

    return await coroutine_echo(wsrs.asyncio, port)


async def coroutine_echo(package, port):
    async def echo(socket):
        try:
            async for message in socket:
                await socket.send(message)
        except package.ConnectionClosed:
            pass

    return await package.serve(echo, HOST, port, compression=None, max_size=LARGEST, ping_interval=None)


async def aiohttp_echo(port):
    from aiohttp import WSMsgType, web

    async def echo(request):
        socket = web.WebSocketResponse(compress=False, max_msg_size=LARGEST)
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            elif message.type == WSMsgType.TEXT:
                await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    return runner


async def picows_echo(port):
    from picows import WSListener, WSMsgType, ws_create_server

    class Echo(WSListener):
        def on_ws_frame(self, transport, frame):
            if frame.msg_type == WSMsgType.CLOSE:
                transport.send_close(frame.get_close_code())
                transport.disconnect()
            else:
                transport.send(frame.msg_type, frame.get_payload_as_memoryview(), frame.fin)

    return await ws_create_server(lambda request: Echo(), HOST, port)


async def main(start, port):
    server = await start(port)
    await asyncio.Event().wait()
    del server


ECHOES = {
    "websockets": websockets_echo,
    "aiohttp": aiohttp_echo,
    "picows": picows_echo,
    "picows-uvloop": picows_echo,
    "wsrs": wsrs_echo,
    "wsrs-uvloop": wsrs_echo,
}

if __name__ == "__main__":
    name, port = sys.argv[1], int(sys.argv[2])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if name.endswith("-uvloop"):
        import uvloop

        uvloop.run(main(ECHOES[name], port))
    else:
        asyncio.run(main(ECHOES[name], port))
