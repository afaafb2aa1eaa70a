"""Computes the missing links of a plan (tables/length/length.bzl) and keeps what it finds; see tools/length.sh.

A link is an encoder after so many epochs of its training: an output of pretrain, which goes on from the link before by
--begin. When its probes are done, KEPT/ROW_SEED_at_EPOCHS.json (KeptLink of cassle/eval/curves/kept_links.proto) is
written, and in the work folder only the newest link of each training is left, with the checkpoint to go on from.

What is kept is first read by learning-curves, so that what the page would refuse is refused before days of training.

Exit codes: 0 all that is planned is kept, 75 stopped in time or interrupted: start it again; others as the stages'.
"""
import argparse
import fcntl
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

POLL_S = 0.2
# From asking a training to stop to its checkpoint.
STOPPING_S = 20
# Stages of a run that was killed hold its folder until they are gone, too.
DYING_S = 10
RAPL = pathlib.Path("/sys/class/powercap")


class Stopped(Exception):
    """Time is over, or somebody interrupted."""


class Failed(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Energy:
    """Joules that the processors have used since the first call, as RAPL tells; None where it does not."""

    def __init__(self):
        self.lock = threading.Lock()
        self.joules = 0.0
        self.last = {}

    def __call__(self):
        with self.lock:
            try:
                packages = [zone for zone in RAPL.glob("intel-rapl:*") if zone.name.count(":") == 1]
                for zone in packages:
                    now = int((zone / "energy_uj").read_text())
                    # Counters wrap.
                    period = int((zone / "max_energy_range_uj").read_text())
                    self.joules += (now - self.last.get(zone.name, now)) % (period + 1) * 1e-6
                    self.last[zone.name] = now
                return self.joules if packages else None
            except (OSError, ValueError):
                return None


class Costs:
    """Seconds, and joules where they are told, kept in a file so that they survive an interruption; None: not known."""

    NAMES = ("cpu_seconds", "wall_seconds", "energy_joules")

    def __init__(self, path, begin=None):
        """begin: the file of what came before; None: nothing did."""
        self.path = path
        self.values = dict.fromkeys(self.NAMES, 0)
        if path.exists() or begin:
            try:
                read = json.loads((path if path.exists() else begin).read_text())
                self.values = {name: None if read[name] is None else float(read[name]) for name in self.NAMES}
            except (FileNotFoundError, ValueError, KeyError, TypeError):
                self.values = dict.fromkeys(self.NAMES)

    def begin(self):
        """From here to add() a stage is at work: what it costs is lost if we are killed."""
        write_atomically(self.path, json.dumps(dict.fromkeys(self.NAMES)))

    def add(self, *spent):
        for name, value in zip(self.NAMES, spent):
            known = value is not None and self.values[name] is not None
            self.values[name] = self.values[name] + value if known else None
        write_atomically(self.path, json.dumps(self.values))


def write_atomically(path, text):
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_text(text)
        os.replace(beside, path)
    except OSError as problem:
        raise Failed(74, "%s: %s" % (path, problem.strerror))


def read_json(path, what):
    try:
        read = json.loads(path.read_text())
    except ValueError as problem:
        raise Failed(65, "%s is no %s: %s" % (path, what, problem))
    if not isinstance(read, dict):
        raise Failed(65, "%s is no %s" % (path, what))
    return read


def machine():
    """E.g. "AMD EPYC 9655, 2 processors"."""
    names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return "%s, %d processors" % (names[0] if names else os.uname().machine, len(os.sched_getaffinity(0)))


def begin_fingerprint(folder):
    """Of the link that a finished one went on from; "" if it began at the start."""
    found = re.search(r'field: "begin"\s+fingerprint: "(\w+)"', (folder / "stage.textproto").read_text())
    return found.group(1) if found else ""


def fingerprint(folder):
    """Of a stage's output; None if it is not complete."""
    manifest = folder / "stage.textproto"
    if not manifest.exists():
        return None
    for line in manifest.read_text().splitlines():
        if line.startswith('fingerprint: "'):
            return line.split('"')[1]
    raise Failed(65, "%s has no fingerprint: remove %s" % (manifest, folder))


def tensor(path, name):
    """An I64 tensor of a safetensors file, as a list."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    entry = json.loads(data[8:8 + size])[name]
    begin, end = entry["data_offsets"]
    return list(struct.unpack("<%dq" % ((end - begin) // 8), data[8 + size + begin:8 + size + end]))


def bits(right):
    """Hexadecimal digits, the first answer in the highest bit of the first."""
    padded = list(right) + [0] * (-len(right) % 4)
    return "".join("%x" % sum(bit << (3 - i) for i, bit in enumerate(padded[at:at + 4])) for at in range(0, len(padded), 4))


class Link:
    def __init__(self, row, seed, epochs):
        self.row, self.seed, self.epochs = row, seed, epochs
        # All links of one training.
        self.training = "%s_%d" % (row["key"], seed)
        self.name = "%s_at_%d" % (self.training, epochs)

    def __str__(self):
        return "%s, seed %d, %d epochs" % (self.row["title"], self.seed, self.epochs)


class Runner:
    def __init__(self, settings):
        self.settings = settings
        self.plan = read_json(settings.plan, "plan of trainings")
        if "programs" not in self.plan:
            raise Failed(64, "%s is no plan of trainings to compute: its links are those of other tables" % settings.plan)
        self.root = settings.root
        self.work, self.kept = settings.work, settings.kept
        self.deadline = time.monotonic() + 60 * settings.minutes - STOPPING_S if settings.minutes else None
        self.jobs = settings.jobs or (1 if self.plan["gpu"] else len(os.sched_getaffinity(0)))
        # Of one stage: they change no byte.
        self.threads = max(1, len(os.sched_getaffinity(0)) // self.jobs)
        self.stop = threading.Event()
        self.energy = Energy()
        # Descriptor of the work folder, locked.
        self.held = None
        self.changed = threading.Condition()
        self.busy = set()
        self.failure = None

    def say(self, text):
        print(time.strftime("%H:%M:%S ") + text, file=sys.stderr, flush=True)

    def missing(self):
        """Links that are not kept, in the order in which they are computed."""
        seeds = self.plan["seeds"]
        epochs = [count for count in self.plan["epochs"] if count <= (self.settings.epochs or count)]
        if not epochs:
            raise Failed(64, "--epochs=%d: the shortest link has %d" % (self.settings.epochs, self.plan["epochs"][0]))
        rows = [row for row in self.plan["rows"] if not self.settings.rows or row["key"] in self.settings.rows]
        unknown = set(self.settings.rows) - {row["key"] for row in rows}
        if unknown:
            raise Failed(64, "--rows: '%s' is no row; there are %s"
                         % (min(unknown), ", ".join(row["key"] for row in self.plan["rows"])))
        # A seed is one length behind the one before it.
        steps = sorted((length + seed, seed, length) for length in range(len(epochs)) for seed in range(len(seeds)))
        links = [Link(row, seeds[seed], epochs[length]) for _, seed, length in steps for row in rows
                 if seeds[seed] in (row.get("seeds") or seeds)]
        return [link for link in links if not (self.kept / (link.name + ".json")).exists()]

    def check_kept(self):
        """Fails where the page would, or where what is computed next would not fit to it."""
        kept = sorted(self.kept.glob("*.json"))
        if not kept:
            return
        with tempfile.TemporaryDirectory() as scratch:
            command = [self.root / self.plan["programs"]["learning-curves"], "--plan=%s" % self.settings.plan,
                       "--resamples=1", "--output=%s/curves" % scratch] + ["--results=%s" % path for path in kept]
            read = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if self.stop.is_set():
            raise Stopped()
        if read.returncode:
            said = read.stderr.strip().splitlines()
            raise Failed(read.returncode if read.returncode > 0 else 70,
                         re.sub("^learning-curves: ", "", said[-1] if said else str(command[0])))
        tested = {probe["column"]: probe.get("dataset_fingerprint") for probe in read_json(kept[0], "kept link")["probes"]}
        for images in self.plan["sets"]:
            now = fingerprint(self.root / images["images"])
            for column in images["columns"].values():
                if tested[column] != now:
                    raise Failed(65, "%s: '%s' was tested on other images (%s) than would be now (%s): remove what is kept, "
                                 "or test on those" % (kept[0], column, tested[column], now))

    def lock(self):
        """Of the work folder, until we and the stages that we started have ended."""
        self.held = os.open(self.work, os.O_RDONLY)
        give_up = time.monotonic() + DYING_S
        while True:
            try:
                return fcntl.flock(self.held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self.stop.is_set():
                    raise Stopped()
                if time.monotonic() > give_up:
                    raise Failed(73, "%s is being worked in by another run: wait for it, or name another --work" % self.work)
                time.sleep(POLL_S)

    # --- processes

    def paused(self):
        return self.settings.pause_while and self.settings.pause_while.exists()

    def check_time(self):
        if self.deadline and time.monotonic() > self.deadline:
            self.stop.set()
        return not self.stop.is_set()

    def run(self, link, program, arguments, costs):
        """A stage to its end; what it cost is added to `costs`, also if it stops before."""
        while self.paused() and self.check_time():
            time.sleep(POLL_S)
        if not self.check_time():
            raise Stopped()
        with open(self.work / (link.training + ".log"), "ab") as log:
            # If we are killed it is, too: nothing else reaches one that stands still. It goes on from its last checkpoint.
            command = ["setpriv", "--pdeathsig", "KILL", self.root / self.plan["programs"][program],
                       "--threads=%d" % self.threads] + arguments
            process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=log,
                                       start_new_session=True, pass_fds=[self.held])
        costs.begin()
        still, asked, stood, begun, joules = False, False, 0.0, time.monotonic(), self.energy()
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if not self.check_time() and not asked:
                asked = True
                # Not process.send_signal, which may take the status that wait4 is to have.
                os.kill(process.pid, signal.SIGCONT)
                os.kill(process.pid, signal.SIGTERM)
            elif self.paused() != still and not asked:
                still = self.paused()
                os.kill(process.pid, signal.SIGSTOP if still else signal.SIGCONT)
            self.energy()
            time.sleep(POLL_S)
            stood += POLL_S if still else 0
        process.returncode = os.waitstatus_to_exitcode(status)
        used = self.energy()
        try:
            costs.add(usage.ru_utime + usage.ru_stime, time.monotonic() - begun - stood,
                      None if used is None or joules is None else (used - joules) / self.jobs)
        except Failed:
            # What the stage has to say comes first.
            if process.returncode in (0, 75):
                raise
        if process.returncode == 0:
            return
        if process.returncode == 75 or asked:
            raise Stopped()
        last = (self.work / (link.training + ".log")).read_text(errors="replace").strip().splitlines()
        raise Failed(process.returncode if process.returncode > 0 else 70, "%s: %s" % (link, last[-1] if last else program))

    # --- a link

    def train(self, link):
        """Its folder and costs, and the link that it went on from, if any."""
        folder = self.work / link.name
        before = [Link(link.row, link.seed, epochs) for epochs in self.plan["epochs"] if epochs < link.epochs]
        before = [other for other in before if fingerprint(self.work / other.name)]
        begin = before[-1] if before else None
        costs = Costs(self.work / (link.name + ".costs.json"),
                      self.work / (begin.name + ".costs.json") if begin else None)
        arguments = ["--input=%s" % (self.root / self.plan["images"])] + shlex.split(link.row["flags"])
        if "policy" in self.plan:
            arguments.append("--policy_file=" + self.plan["policy"])
        arguments += ["--seed=%d" % link.seed, "--output=%s" % folder]
        if link.epochs < self.plan["epochs"][-1]:
            arguments.append("--stop_epoch=%d" % link.epochs)
        if begin:
            arguments.append("--begin=%s" % (self.work / begin.name))
        # Also where there is a finished one: only pretrain knows whether it is of these options and images.
        try:
            self.run(link, "pretrain", arguments, costs)
        except Failed as problem:
            raise Failed(problem.code, re.sub(": name another folder, or .*", "; remove it to train this link again, from the "
                                              "newest before it that is there", str(problem)))
        return folder, costs, begin

    def probe(self, link, model, images, costs):
        """What linear probes find in one data set, and the folders to remove when that is kept."""
        prefix = str(self.work / ("%s_%s" % (link.name, images["name"])))
        for split in ("train", "test"):
            self.run(link, "embed", ["--model=%s" % model, "--input=%s" % (self.root / images["images"]),
                                     "--split=" + split, "--output=%s_%s" % (prefix, split)]
                     + self.plan["embed_flags"], costs)
        result = pathlib.Path(prefix + "_probe")
        self.run(link, "linear-probe", ["--train=%s_train" % prefix, "--test=%s_test" % prefix,
                                        "--target=" + ",".join(images["columns"]), "--output=%s" % result], costs)
        tested = [s for s in json.loads((result / "result.json").read_text())["sets"] if s["role"] == "test"][0]
        details = json.loads((result / "details.json").read_text())
        found = []
        for target in details["targets"]:
            predicted = tensor(result / "classifier.safetensors", "prediction." + target["name"])
            embeddings = pathlib.Path(prefix + "_test") / "embeddings.safetensors"
            labels = tensor(embeddings, "labels" if target["name"] == "label" else "target." + target["name"])
            # Rows without the target were not tested.
            labels = [label for label in labels if label >= 0]
            right = [int(a == b) for a, b in zip(predicted, labels)]
            if len(predicted) != len(labels) or abs(sum(right) / len(right) - target["test_top1"]) > 1e-9:
                raise Failed(70, "%s: the predictions of %s do not have the accuracy of its details" % (link, result))
            found.append({"column": images["columns"][target["name"]], "num_test": len(right), "num_right": sum(right),
                          "right": bits(right), "dataset_fingerprint": tested["dataset_fingerprint"],
                          "result_fingerprint": fingerprint(result)})
        return found, [pathlib.Path("%s_%s" % (prefix, part)) for part in ("train", "test", "probe")]

    def make(self, link):
        model, costs, begin = self.train(link)
        probe_costs = Costs(self.work / (link.name + ".probe_costs.json"))
        probes, used = [], []
        for images in self.plan["sets"]:
            found, folders = self.probe(link, model, images, probe_costs)
            probes += found
            used += folders
        kept = {
            "row": link.row["key"], "seed": link.seed, "epochs": link.epochs, "flags": link.row["flags"],
            "model_fingerprint": fingerprint(model),
            "begin_fingerprint": begin_fingerprint(model),
            "cpu_seconds": costs.values["cpu_seconds"], "wall_seconds": costs.values["wall_seconds"],
            "energy_joules": costs.values["energy_joules"], "machine": machine(),
            "probe_cpu_seconds": probe_costs.values["cpu_seconds"], "commit": self.settings.commit, "probes": probes,
        }
        # What is not known is left out.
        kept = {name: round(value, 1) if isinstance(value, float) else value
                for name, value in kept.items() if value is not None}
        write_atomically(self.kept / (link.name + ".json"), json.dumps(kept, indent=1) + "\n")
        for folder in used + ([self.work / begin.name] if begin else []):
            shutil.rmtree(folder)
        spent = costs.values["cpu_seconds"]
        self.say("kept: %s (%s of a processor so far)" % (link, "unknown time" if spent is None else "%.0f s" % spent))

    # --- all of them

    def take(self, todo):
        """The next link whose training nobody is at; None: there will be none."""
        with self.changed:
            while todo and self.check_time():
                for link in todo:
                    if link.training not in self.busy:
                        todo.remove(link)
                        self.busy.add(link.training)
                        return link
                self.changed.wait(POLL_S)
        return None

    def work_on(self, todo):
        while True:
            link = self.take(todo)
            if link is None:
                return
            try:
                self.make(link)
            except Stopped:
                return
            except Exception as problem:  # The other workers come to their checkpoints first.
                self.failure = problem
                self.stop.set()
                return
            finally:
                with self.changed:
                    self.busy.discard(link.training)
                    self.changed.notify_all()

    def run_all(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stop.set())
        if not self.settings.dry_run:
            self.work.mkdir(parents=True, exist_ok=True)
            self.kept.mkdir(parents=True, exist_ok=True)
            self.lock()
        todo = self.missing()
        self.check_kept()
        if self.settings.dry_run:
            for link in todo:
                print(link)
            return 0
        self.say("%d links are missing" % len(todo))
        workers = [threading.Thread(target=self.work_on, args=(todo,)) for _ in range(self.jobs)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if self.failure:
            raise self.failure
        left = len(self.missing())
        self.say("%d links are missing" % left)
        return 75 if left else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     allow_abbrev=False)
    parser.add_argument("--plan", type=pathlib.Path, required=True)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path("bazel-bin"), help="of paths in the plan")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--kept", type=pathlib.Path, required=True)
    parser.add_argument("--commit", default="")
    parser.add_argument("--minutes", type=float, default=0, help="0: until all is kept")
    parser.add_argument("--epochs", type=int, default=0, help="leaves out longer links; 0: none")
    parser.add_argument("--rows", type=lambda text: text.split(","), default=[], help="computes these only")
    parser.add_argument("--jobs", type=int, default=0, help="0: as many as processors, 1 on a GPU")
    parser.add_argument("--pause_while", type=pathlib.Path)
    parser.add_argument("--dry_run", action="store_true")
    parser.error = lambda message: sys.exit(print("length: %s" % message, file=sys.stderr) or 64)
    settings = parser.parse_args()
    if settings.minutes and not settings.minutes * 60 > STOPPING_S:
        parser.error("--minutes=%g: a training takes %d s to stop; name more, or 0 for no end" % (settings.minutes, STOPPING_S))
    if settings.jobs < 0:
        parser.error("--jobs=%d: name trainings at once, or 0 for as many as processors" % settings.jobs)
    try:
        return Runner(settings).run_all()
    except FileNotFoundError as gone:
        print("length: %s does not exist" % gone.filename, file=sys.stderr)
        return 66
    except Stopped:
        return 75
    except OSError as problem:
        print("length: %s: %s" % (problem.filename or settings.work, problem.strerror), file=sys.stderr)
        return 74
    except Failed as problem:
        print("length: %s" % problem, file=sys.stderr)
        return problem.code


if __name__ == "__main__":
    sys.exit(main())
