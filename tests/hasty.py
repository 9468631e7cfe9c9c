"""The server as it is run for real, with less patience for who is slow: python -m tests.hasty"""

import request_reader

request_reader.HEAD_S = request_reader.SILENCE_S = 1.0

if __name__ == "__main__":
    from gunicorn.app.wsgiapp import run

    run()
