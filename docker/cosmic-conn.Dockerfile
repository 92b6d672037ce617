# cosmic-conn: find cosmic rays. With torch for CPUs; a GPU needs the other index of torch.
#   docker build -f docker/cosmic-conn.Dockerfile -t cosmic-conn .
#   docker run --rm --read-only --tmpfs /tmp -v cosmic-conn-cache:/cache -v "$PWD":/data cosmic-conn -i frames
FROM python:3.11-slim AS build
WORKDIR /src
COPY shared-io shared-io
COPY packages/cosmic-conn packages/cosmic-conn
COPY docker/requirements.py requirements.py
# Our own packages: built here, installed from these wheels and nowhere else.
RUN python -m venv /opt/cosmic-conn
RUN /opt/cosmic-conn/bin/pip wheel -q --disable-pip-version-check --no-deps -w /wheels ./shared-io ./packages/cosmic-conn
RUN /opt/cosmic-conn/bin/pip install -q --disable-pip-version-check --no-index --no-deps /wheels/*.whl
# The libraries they name, in the tested versions; torch from its own index, without the libraries for GPUs.
RUN /opt/cosmic-conn/bin/python requirements.py /wheels > requirements.txt
RUN /opt/cosmic-conn/bin/pip install -q --disable-pip-version-check --no-cache-dir \
        --extra-index-url https://download.pytorch.org/whl/cpu \
        -c packages/cosmic-conn/constraints.txt -r requirements.txt
RUN /opt/cosmic-conn/bin/pip check

FROM python:3.11-slim
LABEL smoke="cosmic-conn --version && cosmic-conn models list && cosmic-conn config show detect"
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent user \
    && install -d -o user -g user /cache /data
COPY --from=build /opt/cosmic-conn /opt/cosmic-conn
# The root may be read-only: what libraries cache goes to one writable volume.
ENV PATH=/opt/cosmic-conn/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/cache/numba \
    MPLCONFIGDIR=/cache/matplotlib \
    XDG_CACHE_HOME=/cache \
    XDG_CONFIG_HOME=/cache
VOLUME /cache
WORKDIR /data
USER user
ENTRYPOINT ["cosmic-conn"]
CMD ["--help"]
