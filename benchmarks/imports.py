"""Import the modules that the specification names, and time that."""

import importlib
import json
import sys

from benchmarks.measure import peak_megabytes, processor_seconds

if __name__ == "__main__":
    modules = json.loads(sys.argv[1])["modules"]
    begin = processor_seconds()
    for module in modules:
        importlib.import_module(module)
    seconds = processor_seconds() - begin
    report = {"first": seconds, "least": seconds, "median": seconds, "recompiled": None}
    report |= {"megabytes": peak_megabytes(), "work": {}, "versions": {}}
    print(json.dumps(report))
