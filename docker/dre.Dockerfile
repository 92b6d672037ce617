# dre: fit elliptical galaxies. Without SExtractor and PSFEx: the embedded extractor does their work.
#   docker build -f docker/dre.Dockerfile -t dre .
#   docker run --rm --read-only --tmpfs /tmp -v dre-cache:/cache -v "$PWD":/data dre --help
FROM python:3.11-slim AS build
WORKDIR /src
COPY shared-io shared-io
COPY packages/dre packages/dre
COPY docker/requirements.py requirements.py
# Our own packages: built here, installed from these wheels and nowhere else.
RUN python -m venv /opt/dre
RUN /opt/dre/bin/pip wheel -q --disable-pip-version-check --no-deps -w /wheels ./shared-io ./packages/dre
RUN /opt/dre/bin/pip install -q --disable-pip-version-check --no-index --no-deps /wheels/*.whl
# The libraries they name, in the tested versions.
RUN /opt/dre/bin/python requirements.py /wheels > requirements.txt
RUN /opt/dre/bin/pip install -q --disable-pip-version-check --no-cache-dir \
        -c packages/dre/constraints.txt -r requirements.txt
RUN /opt/dre/bin/pip check

FROM python:3.11-slim
LABEL smoke="dre --version && sex_dre --version && psfex_dre --version && make_cuts --version && dre init && dre config show fit"
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent user \
    && install -d -o user -g user /cache /data
COPY --from=build /opt/dre /opt/dre
# The root may be read-only: what libraries cache goes to one writable volume.
ENV PATH=/opt/dre/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/cache/numba \
    MPLCONFIGDIR=/cache/matplotlib \
    XDG_CACHE_HOME=/cache \
    XDG_CONFIG_HOME=/cache
VOLUME /cache
WORKDIR /data
USER user
ENTRYPOINT ["dre"]
CMD ["--help"]
