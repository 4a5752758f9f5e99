"""python3 -m stripe PORT [...], from the folder tests: the fake, until SIGTERM."""
import argparse
import signal
import sys

from stripe import mirror, server


def main():
    parser = argparse.ArgumentParser(prog="python3 -m stripe")
    parser.add_argument("port", type=int)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--key", default=server.SECRET_KEY)
    parser.add_argument("--webhook-url", help="where events go; else nowhere")
    parser.add_argument("--webhook-secret", default=server.WEBHOOK_SECRET)
    parser.add_argument("--mock", metavar="FOLDER", help="runs stripe-mock with "
                        "its socket and log there, if it is installed")
    given = parser.parse_args()
    mock = None
    if given.mock and mirror.PROGRAM.exists():
        mock = mirror.Mock(given.mock)
    fake = server.Fake(given.port, mock and mock.path, secret_key=given.key,
                       address=given.address)
    fake.sender.url = given.webhook_url
    fake.sender.secrets = [given.webhook_secret]
    print(f"the fake Stripe listens at {fake.url}, "
          f"{'with' if mock else 'without'} stripe-mock", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    fake.close()
    if mock:
        mock.stop()
    return 0


signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
sys.exit(main())
