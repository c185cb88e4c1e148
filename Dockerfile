# syntax=docker/dockerfile:1
# Two stages: what installs stays in the first; the second has Python, the locked packages and this program, nothing else.
# Pin it to what you have tested: `docker buildx imagetools inspect python:3.13-slim-bookworm` shows the digest, and
#   docker compose build --build-arg BASE=python:3.13-slim-bookworm@sha256:...
# takes it. No digest stands here because none could be read where this file was written.
ARG BASE=python:3.13-slim-bookworm
FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv --without-pip /venv
COPY requirements.lock ./
RUN pip --python /venv/bin/python install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY tasks tasks
COPY worker worker
# setuptools is in the lock only to build this package.
RUN pip --python /venv/bin/python install --no-deps --no-build-isolation . \
 && pip --python /venv/bin/python uninstall --yes setuptools

FROM ${BASE}
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN groupadd --gid 10001 bokun && useradd --uid 10001 --gid bokun --no-create-home --home-dir /app bokun \
 && install --directory --owner bokun --group bokun /app /app/var \
 && rm -rf /usr/local/lib/python3*/site-packages /usr/local/lib/python3*/ensurepip /usr/local/bin/pip*
COPY --from=build /venv /venv
WORKDIR /app
USER 10001:10001
# A SQLite database, if one is used at all, lies here; everything else may be read-only.
VOLUME /app/var
EXPOSE 8000 5555
STOPSIGNAL SIGTERM
# Of the web process; docker-compose.yml has one for each of the others.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=4 \
    CMD ["python", "-c", "import os,urllib.request as u; u.urlopen('http://127.0.0.1:'+os.environ.get('PORT','8000')+'/healthz', timeout=4)"]
CMD ["bokun-sync", "web"]
