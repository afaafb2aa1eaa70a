"""Runs a bundle of tools/gpu_check.sh on a machine with PyTorch (and a GPU, else those parts are skipped).

  python3 run.py [--parts=info,steps,tests,methods,devices,ranks,embed,evaluations,torch,loader] [--out=FOLDER] [--seconds=540]

Prints what it does, and one JSON document into FOLDER/gpu_check.json: figures, and failures with the end of
what the program said. Exit code 1 if anything failed.
"""
import argparse
import concurrent.futures
import hashlib
import importlib.util
import io
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
METHODS = ("moco_v2", "simclr", "byol", "simsiam", "barlow_twins", "moco_v3", "vicreg", "swav", "dino", "supervised",
           "nnclr", "lejepa", "sie")
PARTS = ("info", "steps", "tests", "methods", "devices", "ranks", "embed", "evaluations", "torch", "loader")
# Those that work without torchvision and Pillow.
BARE_PARTS = ("info", "steps", "tests")
WORKLOADS = (("resnet18", 96), ("resnet50", 224), ("vit_small", 224))


class Check:
    def __init__(self, settings):
        import torch
        self.torch = torch
        self.gpu = torch.cuda.is_available()
        self.settings = settings
        self.out = pathlib.Path(settings.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="gpu_check_"))
        with tarfile.open(HERE / "programs.tar.xz") as tar:
            tar.extractall(self.work / "bundle")
        self.bin = self.work / "bundle" / "bin"
        self.deadline = time.monotonic() + settings.seconds
        self.report = {"failures": [], "skipped": []}
        packages = pathlib.Path(torch.__file__).parent
        folders = [packages / "lib"] + sorted(packages.parent.glob("nvidia/*/lib")) + [self.work / "bundle" / "lib"]
        self.env = dict(os.environ, LD_LIBRARY_PATH=":".join(map(str, folders)))
        self.batch = 256 if self.gpu else 8

    def say(self, text):
        print("[%4.0f s left] %s" % (self.deadline - time.monotonic(), text), flush=True)

    def run(self, *command, timeout=200, env=None):
        """(exit code, stdout, stderr)"""
        timeout = max(5, min(timeout, self.deadline - time.monotonic()))
        try:
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                                  errors="replace", timeout=timeout, env=env or self.env, cwd=self.work)
            return done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            text = late.stderr.decode(errors="replace") if late.stderr else ""
            return 124, "", text + "\nstopped after %.0f s" % timeout

    def fail(self, what, why):
        self.report["failures"].append({"what": what, "why": why[-1500:]})
        self.say("FAILED %s: %s" % (what, why[-700:]))

    def write(self):
        with open(self.out / "gpu_check.json", "w") as file:
            json.dump(self.report, file, indent=1, sort_keys=True)

    def stage(self, name, *flags, what=None, timeout=200):
        code, out, err = self.run(self.bin / name, *flags, timeout=timeout)
        if code != 0:
            self.fail(what or name, "exit %d: %s" % (code, err))
            return None
        return err

    # Data: the photographs of the bundle, as a tar with every one often enough.
    def photos(self, side, copies):
        path = self.work / ("photos%d_%d.tar" % (side, copies))
        if path.exists():
            return path
        with tarfile.open(HERE / "data" / "photos.tar") as source:
            members = [(m.name, source.extractfile(m).read()) for m in source if m.isfile()]
        if side:
            from PIL import Image
            small = []
            for name, data in members:
                if name.endswith(".jpg"):
                    image = Image.open(io.BytesIO(data)).convert("RGB")
                    scale = side / min(image.size)
                    size = [max(side, round(n * scale)) for n in image.size]
                    file = io.BytesIO()
                    image.resize(size).save(file, "jpeg", quality=95)
                    data = file.getvalue()
                small.append((name, data))
            members = small
        with tarfile.open(path, "w") as tar:
            for copy in range(copies):
                for name, data in members:
                    info = tarfile.TarInfo("%04d%s" % (copy, name))
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        return path

    def dataset(self, side, copies):
        folder = self.work / ("set%d_%d" % (side, copies))
        if not folder.exists():
            self.stage("shard-encoder", "--input=%s" % self.photos(side, copies), "--output=%s" % folder)
        return folder

    def info(self):
        code, text = 1, ""
        if shutil.which("nvidia-smi"):
            code, text, _ = self.run("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")
        self.report["info"] = {
            "gpu": text.strip() if code == 0 else "none", "torch": self.torch.__version__,
            "cuda": self.torch.version.cuda, "cudnn": self.torch.backends.cudnn.version(),
            "processors": os.cpu_count(), "python": sys.version.split()[0]}
        for line in open("/proc/cpuinfo"):
            if line.startswith("model name"):
                self.report["info"]["processor"] = line.split(":")[1].strip()
                break
        self.say(json.dumps(self.report["info"]))

    def tests(self):
        shards = min(12, os.cpu_count())

        def shard(index):
            env = dict(self.env, GTEST_TOTAL_SHARDS=str(shards), GTEST_SHARD_INDEX=str(index), TEST_TMPDIR=str(self.work),
                       OMP_NUM_THREADS="1", GTEST_BRIEF="1")
            report = self.work / ("tests%d.json" % index)
            code, out, err = self.run(self.bin / "device_test", "--gtest_output=json:%s" % report, env=env,
                                      timeout=240)
            return code, out, err, report

        passed = skipped = 0
        failed = {}
        with concurrent.futures.ThreadPoolExecutor(shards) as pool:
            for code, out, err, report in pool.map(shard, range(shards)):
                if not report.exists():
                    self.fail("device_test", "exit %d: %s %s" % (code, out[-800:], err[-800:]))
                    continue
                for suite in json.load(open(report))["testsuites"]:
                    for test in suite["testsuite"]:
                        if test.get("result") == "SKIPPED":
                            skipped += 1
                        elif test.get("failures"):
                            failed["%s.%s" % (suite["name"], test["name"])] = test["failures"][0]["failure"][:600]
                        else:
                            passed += 1
        self.report["tests"] = {"passed": passed, "skipped": skipped, "failed": failed}
        self.say("tests: %d passed, %d skipped, %d failed" % (passed, skipped, len(failed)))
        for name, why in list(failed.items())[:12]:
            self.say("  %s: %s" % (name, why.replace("\n", " | ")[:400]))
        if failed:
            self.fail("device_test", "%d tests" % len(failed))

    # 20 steps of a method by its stage; the losses, the folder.
    def train(self, method, device, name, *flags):
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        told = self.stage("pretrain", "--input=%s" % self.dataset(96, 4), "--policy=cifar", "--method=" + method,
                          "--backbone.architecture=resnet18", "--backbone.width_factor=0.25", "--checkpoint_every_epochs=0", "--batch_size=64",
                          "--epochs=2", "--base_lr=0.003", "--log_every_steps=1", "--seed=1", "--device=" + device,
                          "--output=%s" % folder, *flags, what="pretrain %s %s %s" % (method, device, " ".join(flags)))
        if told is None:
            return None, folder
        lines = [json.loads(line) for line in open(folder / "metrics.jsonl")]
        return [line["loss"] for line in lines if "loss" in line], folder

    @staticmethod
    def difference(a, b):
        return max((abs(x - y) / max(1.0, abs(x)) for x, y in zip(a, b)), default=float("nan"))

    @staticmethod
    def bytes_of(folder):
        digest = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in ("costs.json",) and path.suffix in (".safetensors", ".jsonl"):
                digest.update(path.read_bytes())
        return digest.hexdigest()

    def methods(self):
        self.dataset(96, 4)
        devices = ["cpu", "cuda", "cuda"] if self.gpu else ["cpu", "cpu"]
        if not self.gpu:
            self.report["skipped"].append("methods on a GPU")
        table = {}

        def one(case):
            method, conditioning = case
            key = "%s %s" % (method, conditioning)
            return key, [self.train(method, device, "run_%s_%s_%d" % (method, conditioning, i),
                                    "--conditioning=" + conditioning, "--compute_threads=2")
                         for i, device in enumerate(devices)]

        cases = [(method, conditioning) for method in METHODS for conditioning in ("none", "mlp")]
        with concurrent.futures.ThreadPoolExecutor(6 if self.gpu else 1) as pool:
            for key, runs in pool.map(one, cases if self.gpu else cases[:2]):
                if any(losses is None for losses, _ in runs):
                    table[key] = "failed"
                    continue
                (first, _), second = runs[0], runs[1]
                row = {"steps": len(first), "first": first[0], "last": first[-1],
                       "difference_5": self.difference(first[:5], second[0][:5]),
                       "difference": self.difference(first, second[0]),
                       "same_bytes": self.bytes_of(runs[-2][1]) == self.bytes_of(runs[-1][1])}
                table[key] = row
                # Training magnifies rounding: device_test compares steps from equal states, to 1e-4.
                if row["difference_5"] > 1e-3:
                    self.fail("losses of " + key, "differ by %.2g in five steps" % row["difference_5"])
                if not row["same_bytes"]:
                    self.fail("bytes of " + key, "two runs differ")
                self.say("%-26s %s" % (key, json.dumps(row)))
        self.report["methods"] = table

    # A run that begins on one device and goes on on the other.
    def devices(self):
        pairs = [("cpu", "cuda"), ("cuda", "cpu")] if self.gpu else [("cpu", "cpu")]
        result = {}
        whole, _ = self.train("moco_v2", "cpu", "whole")
        for begun, ended in pairs:
            _, half = self.train("moco_v2", begun, "half_" + begun, "--stop_epoch=1")
            losses, _ = self.train("moco_v2", ended, "rest_" + ended, "--begin=%s" % half)
            key = "%s to %s" % (begun, ended)
            if whole is None or losses is None:
                continue
            result[key] = self.difference(whole, losses)
            self.say("%s: %d losses, differ by %.2g" % (key, len(losses), result[key]))
            if len(losses) != len(whole) or result[key] > 1e-4:
                self.fail("checkpoint from " + key, str(result[key]))
        self.report["devices"] = result

    # Two processes, on one GPU if there is one, against one.
    def ranks(self):
        device = "cuda" if self.gpu else "cpu"
        flags = ("--conditioning=mlp", "--precision=float32")
        alone, _ = self.train("moco_v2", device, "alone", *flags)
        runs = [self.train("moco_v2", device, "two_ranks_%d" % i, "--ranks=2", *flags) for i in range(2)]
        if alone is None or any(losses is None for losses, _ in runs):
            return
        row = {"difference_5": self.difference(alone[:5], runs[0][0][:5]), "difference": self.difference(alone, runs[0][0]),
               "same_bytes": self.bytes_of(runs[0][1]) == self.bytes_of(runs[1][1])}
        if row["difference_5"] > 1e-3 or not row["same_bytes"]:
            self.fail("two ranks", json.dumps(row))
        self.report["ranks"] = row
        self.say("two ranks: " + json.dumps(row))

    @staticmethod
    def features(path):
        with open(path, "rb") as file:
            size = struct.unpack("<Q", file.read(8))[0]
            header = json.loads(file.read(size))["features"]
            begin, end = header["data_offsets"]
            file.seek(8 + size + begin)
            data = file.read(end - begin)
        return struct.unpack("<%df" % (len(data) // 4), data)

    def embed(self):
        if not (self.work / "whole").exists():
            self.train("moco_v2", "cpu", "whole")
        values, rates = {}, {}
        for device in ("cpu", "cuda") if self.gpu else ("cpu",):
            folder = self.work / ("embed_" + device)
            begin = time.monotonic()
            if self.stage("embed", "--model=%s" % (self.work / "whole"), "--input=%s" % self.dataset(96, 4),
                          "--device=" + device, "--output=%s" % folder) is None:
                return
            rates[device] = round(time.monotonic() - begin, 2)
            values[device] = self.features(folder / "embeddings.safetensors")
        self.report["embed"] = {"seconds": rates}
        if self.gpu:
            scale = max(map(abs, values["cpu"]))
            worst = max(abs(a - b) for a, b in zip(values["cpu"], values["cuda"])) / scale
            self.report["embed"]["difference"] = worst
            if not worst < 1e-4:
                self.fail("embed", "features differ by %.2g" % worst)
        self.say("embed: " + json.dumps(self.report["embed"]))

    # The stages that change images on purpose: what they write on both devices.
    def evaluations(self):
        if not (self.work / "conditioned").exists():
            self.train("moco_v2", "cpu", "conditioned", "--conditioning=mlp")
        devices = ("cpu", "cuda") if self.gpu else ("cpu",)
        worst, seconds = {}, {}
        for stage in ("invariance", "interpolation", "predict-augmentation"):
            scores = []
            for device in devices:
                folder = self.work / ("%s_%s" % (stage, device))
                begin = time.monotonic()
                if self.stage(stage, "--model=%s" % (self.work / "conditioned"), "--input=%s" % self.dataset(96, 4),
                              "--num_images=64", "--batch_size=32", "--device=" + device,
                              "--output=%s" % folder) is None:
                    return
                seconds["%s %s" % (stage, device)] = round(time.monotonic() - begin, 2)
                result = json.loads((folder / "result.json").read_text())
                scores.append([score["value"] for score in result["scores"]])
            if self.gpu:
                worst[stage] = max(abs(a - b) / max(1, abs(a)) for a, b in zip(*scores))
                if not worst[stage] < 1e-3:
                    self.fail(stage, "scores differ by %.2g" % worst[stage])
        self.report["evaluations"] = {"seconds": seconds, "difference": worst}
        self.say("evaluations: " + json.dumps(self.report["evaluations"]))

    def figure(self, part, key, code, out, err):
        try:
            figure = json.loads(out.strip().splitlines()[-1])
        except (IndexError, ValueError):
            self.fail("%s %s" % (part, key), "exit %d: %s" % (code, err))
            figure = None
        self.report.setdefault(part, {})[key] = figure
        self.say("%-7s %-42s %s" % (part, key, json.dumps(figure)))

    def workloads(self):
        return WORKLOADS if self.gpu else WORKLOADS[:1]

    def steps(self):
        device, seconds = ("cuda", 5) if self.gpu else ("cpu", 1)
        for model, side in self.workloads():
            for precision, kind in (("bf16", ""), ("bf16", "fast"), ("tf32", ""), ("float32", "")):
                if model != "resnet50" and precision != "bf16":
                    continue
                code, out, err = self.run(self.bin / "step_benchmark", model, side, self.batch, precision, "moco_v2",
                                          device, seconds, kind)
                self.figure("steps", " ".join(("cassle", model, precision, kind)).strip(), code, out, err)

    def torch_side(self, *flags, timeout=150):
        env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
        return self.run(sys.executable, HERE / "torch_side.py", "--batch_size=%d" % self.batch, *flags, env=env,
                        timeout=timeout)

    def torch_(self):
        seconds = 5 if self.gpu else 1
        for model, side in self.workloads():
            for precision, mode in (("bf16", "eager"), ("bf16", "compile"), ("bf16", "graphs"), ("tf32", "eager")):
                if (model != "resnet50" and precision != "bf16") or (mode == "graphs" and model != "resnet18"):
                    continue
                if not self.gpu and mode != "eager":
                    continue
                figure = self.torch_side("--model=" + model, "--side=%d" % side, "--precision=" + precision,
                                         "--mode=" + mode, "--seconds=%d" % seconds)
                self.figure("torch", " ".join(("torch", model, precision, mode)), *figure)

    # From JPEG files, end to end.
    def loader(self):
        import pty
        seconds = 12 if self.gpu else 3
        for model, side in self.workloads():
            photo_side, copies = (96 if side == 96 else 0), 48
            if not self.gpu:
                copies = 1
            images = self.dataset(photo_side, copies)
            folder = self.work / "loader"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(str(folder) + ".partial", ignore_errors=True)
            command = [self.bin / "pretrain", "--input=%s" % images, "--policy=%s" % ("stl10" if side == 96 else "imagenet"),
                       "--method=moco_v2", "--backbone.architecture=" + model, "--batch_size=%d" % self.batch,
                       "--epochs=500", "--precision=bf16", "--compute_threads=2", "--checkpoint_every_epochs=0",
                       "--cache_mib=0", "--log_every_steps=50", "--method.moco_v2.queue_size=%d" % (256 * self.batch),
                       "--output=%s" % folder]
            if model == "vit_small":
                command += ["--optimizer=sgd"]
            ours, theirs = pty.openpty()
            process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=theirs,
                                       env=self.env, cwd=self.work)
            os.close(theirs)
            text, seen, begin = b"", [], time.monotonic()
            while time.monotonic() - begin < 60 and (len(seen) < 4 or seen[-1][0] - seen[0][0] < seconds):
                try:
                    chunk = os.read(ours, 65536)
                except OSError:
                    break
                if not chunk:
                    break
                text += chunk
                for found in re.finditer(rb"training \S+ (\d+)/\d+ images", text[-4000:]):
                    count = int(found[1])
                    if count >= 12 * self.batch and (not seen or count > seen[-1][1]):
                        seen.append((time.monotonic(), count))
            process.kill()
            process.wait()
            os.close(ours)
            told = text.decode(errors="replace")
            figure = None
            if len(seen) > 1:
                rate = (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])
                epochs = re.findall(r"epoch \d+: loss[^\r\n]*", told)
                figure = {"images_per_second": round(rate, 1), "says": epochs[-1] if epochs else ""}
            self.figure("loader", "cassle " + model, process.returncode, json.dumps(figure) if figure else "", told)
            if self.settings.torch_loader:
                figure = self.torch_side("--model=" + model, "--side=%d" % side, "--mode=eager", "--seconds=%d" % seconds,
                                         "--data=%s" % self.photos(photo_side, copies), "--workers=%d" % os.cpu_count())
                self.figure("loader", "torch " + model, *figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--out", default=os.environ.get("OUT", "."))
    parser.add_argument("--seconds", type=float, default=540)
    parser.add_argument("--torch_loader", type=int, default=1)
    settings = parser.parse_args()
    check = Check(settings)
    parts = settings.parts.split(",")
    missing = [name for name in ("torchvision", "PIL") if importlib.util.find_spec(name) is None]
    if missing and set(parts) - set(BARE_PARTS):
        parts = [part for part in parts if part in BARE_PARTS]
        check.fail("all but %s" % ", ".join(BARE_PARTS),
                   "this Python has no %s: %s -m pip install torchvision" % (" and no ".join(missing), sys.executable))
    try:
        for part in parts:
            try:
                if time.monotonic() > check.deadline - 10:
                    check.fail(part, "no time was left")
                else:
                    getattr(check, "torch_" if part == "torch" else part)()
            except Exception as error:  # One part must not take the figures of the others.
                check.fail(part, "%s: %s" % (type(error).__name__, error))
            check.write()
    finally:
        check.write()
        shutil.rmtree(check.work, ignore_errors=True)
    check.say("%d failures" % len(check.report["failures"]))
    return 1 if check.report["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
