"""python3 sluice_client.py URL WRITE_KEY QUEUE_FILE < events: see README.md and docs/protocol.md"""
import collections, json, os, random, sys, time, uuid
from websocket import Closed, WebSocket
FINAL = {1003, 1008, *range(4402, 4450)} - {4408, 4410, 4429}  # close codes that time does not mend

class Client:
    def __init__(self, url, key, path, report):
        self.url, self.key, self.path, self.report = url, key, path, report
        self.state, self.open = {"stream": str(uuid.uuid4()), "next": 1}, {}
        if os.path.exists(path):
            with open(path) as file: self.state, queue = json.load(file)
            self.open = {int(seq): event for seq, event in queue.items()}

    def save(self):
        with open(self.path + ".new", "w") as file:
            print(json.dumps([self.state, self.open]), file=file, flush=True)
            os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)

    def track(self, events):
        for seq, event in enumerate(events, self.state["next"]):
            self.open[seq] = {"id": str(uuid.uuid4()), **event}
        self.state["next"] += len(events)
        self.save()

    def take_new_stream(self):  # the events keep their ids and get new numbers
        events, self.open = self.open.values(), {}
        self.state = {"stream": str(uuid.uuid4()), "next": 1}
        self.track(events)

    def run(self):
        failures, poison = 0, collections.Counter()
        while self.open:
            began, first, self.pause = time.monotonic(), next(iter(self.open)), 0
            self.batch = 1 if poison[first] >= 2 else 100
            try: self.serve(WebSocket(self.url, "sluice.v1.json"))
            except (Closed, OSError) as error:
                code = getattr(error, "code", 1006)
                if code in FINAL or (code == 4401 and failures): raise
                if code == 4410: self.take_new_stream()
                if code in (1009, 4400): poison[first] += 1  # something in the frame cannot be read
                if poison[first] > 2: self.settle(first, "rejected")  # nor can this event alone
            failures = 0 if time.monotonic() - began > 60 else failures + 1
            if self.open: time.sleep(max(self.pause, random.uniform(0.5, min(30, 0.5 * 2 ** failures))))

    def serve(self, socket):
        held = []
        for seq in self.open:
            if held and held[-1][1] == seq - 1: held[-1][1] = seq
            else: held.append([seq, seq])
        if len(held) > 64: return self.take_new_stream()
        socket.send(json.dumps({"t": "hello", "v": 1, "auth": self.key, "held": held, **self.state}))
        self.limits, self.used, self.in_flight, self.due, self.heard = None, 0, set(), {}, time.monotonic()
        while self.open and not (self.pause and not self.in_flight):
            text = socket.receive(0.1 if self.due else 5)
            if text: self.hear(socket, json.loads(text))
            if time.monotonic() - self.heard > (80 if self.limits else 10): raise Closed(1006, "silence")
            while self.limits and not self.pause and self.publish(socket): pass
        socket.close()

    def hear(self, socket, frame):
        kind, self.heard = frame["t"], time.monotonic()
        if kind == "ping": socket.send(json.dumps({"t": "pong", "n": frame["n"]}))
        elif kind == "error": self.report(frame)
        elif kind == "goaway": self.pause = max(0.001, frame["after_ms"] / 1000)
        elif kind == "credit": self.credit = frame
        elif kind == "welcome": self.limits, self.state["resume"] = frame["limits"], frame["resume"]
        if kind not in ("welcome", "ack"): return
        self.credit = frame.get("credit") or self.credit
        for line in frame.get("exc", []) + frame.get("rej", []): self.settle(line["seq"], "rejected", line)
        for line in frame.get("retry", []): self.due[line["seq"]] = self.heard + line["after_ms"] / 1000
        self.in_flight -= self.due.keys()
        final = [[1, frame.get("done", frame.get("upto"))], *frame.get("sack", [])]
        for seq in list(self.open):
            if any(low <= seq <= high for low, high in final): self.settle(seq, "stored")
        self.save()  # with the resume token, before the first pub

    def settle(self, seq, outcome, fault={}):
        self.in_flight.discard(seq)
        if seq in self.open: self.report({**fault, "id": self.open.pop(seq)["id"], "outcome": outcome})

    def publish(self, socket):  # the next run of numbers that may be sent; empty if there is none
        run, size, room = [], 100, min(self.limits["frame_bytes"], self.credit["bytes"] - self.used)
        for seq in self.open:
            more = len(json.dumps(self.open[seq])) + 2
            is_free = seq not in self.in_flight and self.due.get(seq, 0) <= time.monotonic()
            fits = seq <= self.credit["seq"] and size + more <= room
            is_next = not run or (seq == run[-1] + 1 and len(run) < self.batch)
            if is_free and fits and is_next: run, size = run + [seq], size + more
            elif run or is_free: break
        for seq in run: self.due.pop(seq, None)
        self.in_flight.update(run)
        self.used += size if run else 0
        if run: socket.send(json.dumps({"t": "pub", "seq": run[0], "events": [self.open[n] for n in run]}))
        return run

if __name__ == "__main__":
    client = Client(*sys.argv[1:4], lambda line: print(json.dumps(line), flush=True))
    client.track([json.loads(line) for line in sys.stdin if line.strip()])
    client.run()
