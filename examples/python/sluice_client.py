"""A client of `sluice.v1.json`, written from docs/protocol.md: events stay in a file until their final
outcome is known, whatever breaks. Lines of JSON in, {"type": …, "data": …}; outcomes out:

    python3 sluice_client.py ws://127.0.0.1:8080/v1/stream WRITE_KEY queue.json < events.ndjson
"""
import json, os, random, sys, time, uuid
from websocket import Closed, WebSocket

COME_BACK = {4401, 4408, 4410, 4429}  # other codes from 4400 to 4449 are final, as is 1008

class Client:
    def __init__(self, url, key, path, report):
        self.url, self.key, self.path, self.report = url, key, path, report
        self.state, self.open = {"stream": str(uuid.uuid4()), "next": 1, "resume": None}, {}
        if os.path.exists(path):
            with open(path) as file: self.state, queue = json.load(file)
            self.open = {int(seq): event for seq, event in queue.items()}

    def save(self):
        with open(self.path + ".new", "w") as file:
            json.dump([self.state, self.open], file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)

    def track(self, events):
        for event in events:
            self.open[self.state["next"]] = {"id": str(uuid.uuid4()), **event}
            self.state["next"] += 1
        self.save()

    def take_new_stream(self):  # the events keep their ids and get new numbers
        events, self.open = [self.open[seq] for seq in sorted(self.open)], {}
        self.state.update(stream=str(uuid.uuid4()), next=1, resume=None)
        self.track(events)

    def run(self):
        failures, poison = 0, {}
        while self.open:
            began, first = time.monotonic(), min(self.open)
            self.pause, self.batch = 0, 1 if poison.get(first, 0) >= 2 else 100
            try:
                self.serve(WebSocket(self.url, "sluice.v1.json"))
            except (Closed, OSError) as error:
                code = getattr(error, "code", 1006)
                if code in (1009, 4400):  # the first events cannot be read, or one alone cannot
                    poison[first] = poison.get(first, 0) + 1
                    if poison[first] > 2: self.settle(first, "rejected")
                elif code == 1008 or (4400 <= code < 4450 and code not in COME_BACK): raise
                elif code == 4401 and failures: raise
                elif code == 4410: self.take_new_stream()
            failures = 0 if time.monotonic() - began > 60 else failures + 1
            if self.open: time.sleep(max(self.pause, random.uniform(0, min(30, 0.5 * 2 ** failures))))

    def serve(self, socket):
        held = []
        for seq in sorted(self.open):
            if held and held[-1][1] == seq - 1: held[-1][1] = seq
            else: held.append([seq, seq])
        if len(held) > 64: return self.take_new_stream()
        resume = {name: self.state[name] for name in self.state if self.state[name] is not None}
        socket.send(json.dumps({"t": "hello", "v": 1, "auth": self.key, "held": held, **resume}))
        self.limits, self.used, self.in_flight, self.due = None, 0, set(), {}
        heard, has_asked = time.monotonic(), False
        while self.open and not (self.pause and not self.in_flight):
            text = socket.receive(0.1 if self.due else 5)
            if text: heard, has_asked = time.monotonic(), self.hear(socket, json.loads(text))
            quiet = time.monotonic() - heard
            if quiet > (80 if self.limits else 10): raise Closed(1006, "silence")
            if quiet > 60 and not has_asked: has_asked = not socket.send('{"t":"ping","n":1}')
            while self.limits and not self.pause and self.publish(socket): pass
        socket.close()

    def hear(self, socket, frame):
        kind = frame["t"]
        if kind == "ping": socket.send(json.dumps({"t": "pong", "n": frame["n"]}))
        elif kind == "error": self.report(frame)
        elif kind == "goaway": self.pause = max(0.001, frame["after_ms"] / 1000)
        elif kind == "credit": self.credit = frame
        elif kind == "welcome": self.limits, self.state["resume"] = frame["limits"], frame["resume"]
        if kind not in ("welcome", "ack"): return
        self.credit = frame.get("credit") or self.credit
        for line in frame.get("exc", []) + frame.get("rej", []): self.settle(line["seq"], "rejected", line)
        for line in frame.get("retry", []):
            self.in_flight.discard(line["seq"])
            self.due[line["seq"]] = time.monotonic() + line["after_ms"] / 1000
        done, sack = frame.get("done", frame.get("upto")), frame.get("sack", [])
        for seq in list(self.open):
            if seq <= done or any(low <= seq <= high for low, high in sack): self.settle(seq, "stored")
        self.save()  # with the resume token, before the first pub

    def settle(self, seq, outcome, fault={}):
        self.in_flight.discard(seq)
        if seq in self.open: self.report({**fault, "id": self.open.pop(seq)["id"], "outcome": outcome})

    def publish(self, socket):  # the next run of numbers that may be sent; False if there is none
        run, size = [], 100
        for seq in sorted(self.open):
            more = len(json.dumps(self.open[seq])) + 2
            is_free = seq not in self.in_flight and self.due.get(seq, 0) <= time.monotonic()
            fits = seq <= self.credit["seq"] and self.used + size + more <= self.credit["bytes"]
            is_next = not run or (seq == run[-1] + 1 and len(run) < self.batch)
            if is_free and fits and is_next and size + more <= self.limits["frame_bytes"]:
                run, size = run + [seq], size + more
            elif run or (is_free and not fits): break
        for seq in run: self.due.pop(seq, None)
        self.in_flight.update(run)
        self.used += size if run else 0
        if run: socket.send(json.dumps({"t": "pub", "seq": run[0], "events": [self.open[n] for n in run]}))
        return bool(run)

if __name__ == "__main__":
    client = Client(*sys.argv[1:4], lambda line: print(json.dumps(line), flush=True))
    client.track([json.loads(line) for line in sys.stdin if line.strip()])
    client.run()
