"""What the ledgers of the soak say, connection by connection; for driver.py. Each check is (what, figure, all is well)."""

import collections

FOREIGN, ODD = 15, 5

Served = collections.namedtuple("Served", "received sent clean code by")
Dialled = collections.namedtuple("Dialled", "opened early sent counted received clean code by expected")


def read(path, kind):
    """number -> record, and the numbers that stand there twice."""
    records, twice = {}, []
    with open(path) as lines:
        for line in lines:
            number, *values = map(int, line.split())
            if number in records:
                twice.append(number)
            records[number] = kind(*values)
    return records, twice


def read_hostile(path):
    """number -> (kind, messages begun, messages received)"""
    with open(path) as lines:
        rows = [line.split() for line in lines]
    return {int(number): (kind, int(sent), int(received)) for number, kind, sent, received in rows}


def consistent(sent, served, received, clean, early=False):
    """Both ends know that what came is a prefix of what was sent, without gaps. Here: how far each came."""
    if clean:
        return sent == served.received == served.sent and (received == sent or (early and received < sent))
    return received <= served.sent <= served.received <= sent


def checks(folder, server_end, client_end):
    served, served_twice = read(folder + "/server.ledger", Served)
    dialled, dialled_twice = read(folder + "/client.ledger", Dialled)
    hostile = read_hostile(folder + "/hostile.ledger")
    ours = {number: record for number, record in dialled.items() if number % 16 != ODD}
    wrong = [number for number, record in ours.items() if record.opened and not agrees(record, served.get(number))]
    wrong_foreign = [
        number
        for number, (_, sent, received) in hostile.items()
        if number not in served or not consistent(sent, served[number], received, False)
    ]
    clean = [record for number, record in ours.items() if record.opened and record.clean and served[number].clean]
    cut = sum(record.opened for record in ours.values()) - len(clean)
    unknown = [number for number in served if number not in dialled and number not in hostile and number % 16 != FOREIGN]
    vanished = [served[number] for number, (kind, *_) in hostile.items() if kind == "vanish" and number in served]
    yield "connections in a ledger twice", len(served_twice) + len(dialled_twice), not served_twice and not dialled_twice
    yield "connections of the server that nobody made", len(unknown), not unknown
    yield "clean connections: all messages sent, echoed, received", len(clean), len(clean) > 0
    yield "messages on them", sum(record.sent for record in clean), sum(record.sent for record in clean) > 0
    yield "cut connections: a prefix without gaps on both ends", cut, cut > 0
    early = sum(record.early for record in clean)
    yield "of the clean ones, those whose Close did not wait for the echoes", early, early > 0
    yield "connections where the ends disagree", "%d %s" % (len(wrong), wrong[:5]), not wrong
    yield "hostile connections that opened", len(hostile), len(hostile) > 0
    yield "of these, where the ends disagree", "%d %s" % (len(wrong_foreign), wrong_foreign[:5]), not wrong_foreign
    yield "peers that vanished; all ended by a deadline", len(vanished), vanished and all(one.by == 4 for one in vanished)
    yield from totals("server", server_end, len(served), served.values(), "sent")
    opened = [record for record in dialled.values() if record.opened]
    yield from totals("clients", client_end, len(opened), opened, "counted")


def agrees(record, served):
    """Another thread may have sent what the library dropped, since the connection was over: COUNTED is without that."""
    if served is None or not record.counted <= record.sent:
        return False
    return consistent(record.counted, served, record.received, record.clean and served.clean, record.early)


def totals(who, end, count, records, sent):
    """The library's sums are those of the ledgers."""
    expected = {
        "opened": count,
        "closed": count,
        "received": sum(record.received for record in records),
        "sent": sum(getattr(record, sent) for record in records),
    }
    for name, value in expected.items():
        yield "%s, wsrs_context_totals: %s" % (who, name), end[name], end[name] == value
    yield "%s, bytes queued at the end" % who, end["queued"], end["queued"] == 0
    yield "%s, defects found" % who, end["defects"], end["defects"] == 0
