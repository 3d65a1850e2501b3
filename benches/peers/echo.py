"""Echo on Python's libraries: echo.py NAME [--tls CERT KEY] PORT, with a name of ECHOES. `files` are CERT and KEY.

echo.py websockets --deflate LEVEL [--no-takeover] PORT: the client says whether there is context takeover.
"""

import asyncio
import resource
import ssl
import sys

HOST = "127.0.0.1"
LARGEST = 16 << 20


async def websockets_echo(port, files):
    import websockets

    return await coroutine_echo(websockets, port, context_of(files))


async def websockets_deflate_echo(port, level):
    import websockets
    from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

    deflate = ServerPerMessageDeflateFactory(compress_settings={"level": level, "memLevel": 8})
    return await coroutine_echo(websockets, port, None, extensions=[deflate])


async def wsrs_echo(port, files):
    import wsrs.asyncio

    tls = wsrs.Tls(cert_file=files[0], key_file=files[1]) if files else None
    return await coroutine_echo(wsrs.asyncio, port, tls)


async def coroutine_echo(package, port, tls, **more):
    async def echo(socket):
        try:
            async for message in socket:
                await socket.send(message)
        except package.ConnectionClosed:
            pass

    if tls:
        more["ssl"] = tls
    return await package.serve(echo, HOST, port, compression=None, max_size=LARGEST, ping_interval=None, **more)


async def aiohttp_echo(port, files):
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
    await web.TCPSite(runner, HOST, port, ssl_context=context_of(files)).start()
    return runner


async def picows_echo(port, files):
    from picows import WSListener, WSMsgType, ws_create_server

    class Echo(WSListener):
        def on_ws_frame(self, transport, frame):
            if frame.msg_type == WSMsgType.CLOSE:
                transport.send_close(frame.get_close_code())
                transport.disconnect()
            else:
                transport.send(frame.msg_type, frame.get_payload_as_memoryview(), frame.fin)

    return await ws_create_server(lambda request: Echo(), HOST, port, ssl=context_of(files))


def context_of(files):
    if not files:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


async def main(start, port, arguments):
    server = await start(port, arguments)
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
    name, *words, port = sys.argv[1:]
    if words[:1] == ["--deflate"]:
        echo = main(websockets_deflate_echo, int(port), int(words[1]))
    else:
        echo = main(ECHOES[name], int(port), words[1:])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if name.endswith("-uvloop"):
        import uvloop

        uvloop.run(echo)
    else:
        asyncio.run(echo)
