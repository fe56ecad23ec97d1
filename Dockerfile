# One image for every role: `python -m app ROLE`. BASE may name the same image in a registry of your own.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
# Or requirements-librabbitmq.txt, with which BROKER_READ_URL may say librabbitmq://.
ARG REQUIREMENTS=requirements.txt
WORKDIR /srv/switchyard
COPY ${REQUIREMENTS} requirements.txt
# The secrets are for a network with a package index or certificates of its own; neither stays in a layer.
# pip is the base image's: the environment that is shipped has none.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    python -m venv --without-pip /opt/venv \
    && python -m pip --python=/opt/venv/bin/python --disable-pip-version-check install \
       --quiet --no-cache-dir --no-compile --only-binary=:all: --require-hashes --requirement=requirements.txt
COPY switchyard switchyard
COPY app app
# The root of a running container is read-only: bytecode and static files are made here. Collecting the files
# reads settings and connects to nothing. Bytecode names its source by neither time nor hash: nothing changes here any
# more, and two builds are the same to the byte.
RUN SECRET_KEY=unused DATABASE_URL=postgres://unused/unused BROKER_URL=pyamqp://unused \
    /opt/venv/bin/python -m app collectstatic --noinput --verbosity=0 \
    && find . /opt/venv -name __pycache__ -prune -exec rm -r {} + \
    && /opt/venv/bin/python -m compileall -q --invalidation-mode=unchecked-hash switchyard app /opt/venv

FROM ${BASE}
# The day of its making would be in /etc/shadow.
RUN SOURCE_DATE_EPOCH=0 useradd --no-log-init --no-create-home --home-dir=/tmp --shell=/usr/sbin/nologin --uid=10001 switchyard
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/switchyard /srv/switchyard
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /srv/switchyard
USER 10001:10001
EXPOSE 8000 9808 9809
ARG REVISION=unknown
LABEL org.opencontainers.image.title="switchyard" \
      org.opencontainers.image.description="A Django service whose background work runs on separate RabbitMQ queues" \
      org.opencontainers.image.licenses="BSD-3-Clause" \
      org.opencontainers.image.revision="${REVISION}"
ENTRYPOINT ["python", "-m", "app"]
CMD ["web"]
