"""Ask a running exporter through its Service, as `helm test` does: smoke.py URL SECONDS.

Exit 0 once it is healthy, has tried every stream, and serves metrics or, where the web config has
users, asks for a password.
"""

import ssl
import sys
import time
import urllib.error
import urllib.request

# Only the way to the exporter is tested, with nothing to hide; Prometheus checks certificates.
UNCHECKED = ssl.create_default_context()
UNCHECKED.check_hostname = False
UNCHECKED.verify_mode = ssl.CERT_NONE


def ask(url: str) -> tuple[int, str]:
    """Status and body of the answer; status 0 without one."""
    try:
        with urllib.request.urlopen(url, timeout=5, context=UNCHECKED) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def main(base: str, seconds: float) -> None:
    """Wait until it is ready, then look at what it serves."""
    until = time.monotonic() + seconds
    for path in ("/-/healthy", "/-/ready"):
        while (found := ask(base + path))[0] != 200:
            if time.monotonic() > until:
                sys.exit(f"FAIL {path}: {found[0]} {found[1].strip()}")
            time.sleep(1)
        print(f"ok   {path}: {found[1].strip()}")
    status, text = ask(f"{base}/metrics")
    if status == 401:
        print("ok   /metrics: asks for a password")
    elif status != 200 or "onetrading_exporter_build_info{" not in text:
        sys.exit(f"FAIL /metrics: {status}")
    else:
        print(f"ok   /metrics: {len(text.splitlines())} lines")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
