"""Prints one table from gradc bench's JSON and a line of JSON from each framework, read from standard input."""

import json
import sys

decoder, text, results = json.JSONDecoder(), sys.stdin.read().strip(), []
while text:
    result, end = decoder.raw_decode(text)
    results.append(result)
    text = text[end:].strip()
if not results or "fused" not in results[0]:
    raise SystemExit("table.py: gradc bench printed no result")
bench, peers = results[0], results[1:]
own = {"name": "gradc", "mode": f"{bench['threads_used']} threads", **bench["fused"]}
print(f"\n{bench['model']}: batch {bench['batch']}, {bench['threads']} threads, FMA peak {bench['fma_peak_gflops']:.0f} GFLOP/s")
print(f"{'':<21}{'fastest mode':<31}{'median ms':>11}{'min ms':>10}{'of peak':>9}{'gradc is':>15}{'first step':>12}")
for each in [own] + peers:
    share = bench["step_gflop"] / each["median_ms"] * 1e3 / bench["fma_peak_gflops"]
    ratio = each["median_ms"] / own["median_ms"]
    first = f"{each['first_step_s']:.2f} s" if "first_step_s" in each else ""
    print(f"{each['name']:<21}{each['mode']:<31}{each['median_ms']:>11.3f}{each['min_ms']:>10.3f}{share:>8.1%}"
          f"{'' if each is own else f'{ratio:.1f} x as fast':>15}{first:>12}", flush=True)
