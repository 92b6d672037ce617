# scope: features and periods of ZTF light curves.
#   docker build -f docker/scope.Dockerfile -t scope .
#   docker run --rm --read-only --tmpfs /tmp -v scope-cache:/cache -v "$PWD":/data scope --help
FROM python:3.11-slim AS build
WORKDIR /src
COPY shared-io shared-io
COPY packages/scope packages/scope
COPY docker/requirements.py requirements.py
# Our own packages: built here, installed from these wheels and nowhere else.
RUN python -m venv /opt/scope
RUN /opt/scope/bin/pip wheel -q --disable-pip-version-check --no-deps -w /wheels ./shared-io ./packages/scope
RUN /opt/scope/bin/pip install -q --disable-pip-version-check --no-index --no-deps /wheels/*.whl
# The libraries they name, in the tested versions.
RUN /opt/scope/bin/python requirements.py /wheels > requirements.txt
RUN /opt/scope/bin/pip install -q --disable-pip-version-check --no-cache-dir \
        -c packages/scope/constraints.txt -r requirements.txt
RUN /opt/scope/bin/pip check

FROM python:3.11-slim
LABEL smoke="scope --version && generate_features --version && generate_features_slurm --version && generate_features_job_submission --version && scope --help"
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent user \
    && install -d -o user -g user /cache /data
COPY --from=build /opt/scope /opt/scope
# The root may be read-only: what libraries cache goes to one writable volume.
ENV PATH=/opt/scope/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/cache/numba \
    MPLCONFIGDIR=/cache/matplotlib \
    XDG_CACHE_HOME=/cache \
    XDG_CONFIG_HOME=/cache
VOLUME /cache
WORKDIR /data
USER user
ENTRYPOINT ["scope"]
CMD ["--help"]
