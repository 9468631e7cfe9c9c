"""How gunicorn serves Rollbook: one process, whose threads answer people and whose inline worker runs imports."""

from config import load

_settings = load()

wsgi_app = "app:create_app()"
bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"

workers = 1
worker_class = "gthread"
# A thread is held for as long as an upload takes on a slow line, so there are more than people who click at once.
threads = 16
# With threads this is not how long a request may take, but how long the whole process may show no sign of life.
timeout = 120
graceful_timeout = 30
keepalive = 5

# What a proxy says is weighed in one place, web/hosts.py, and only where the settings name a proxy.
forwarded_allow_ips = ""

limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190

# Nobody controls it from outside; two Rollbooks of one user would quarrel about the socket.
control_socket_disable = True
