# otrain: real or bogus transients on cut-outs, convert, train and infer.
#   docker build -f docker/otrain.Dockerfile -t otrain .
#   docker run --rm --read-only --tmpfs /tmp -v otrain-cache:/cache -v "$PWD":/data otrain --help
FROM python:3.11-slim AS build
WORKDIR /src
COPY shared-io shared-io
COPY packages/otrain packages/otrain
COPY docker/requirements.py requirements.py
# Our own packages: built here, installed from these wheels and nowhere else.
RUN python -m venv /opt/otrain
RUN /opt/otrain/bin/pip wheel -q --disable-pip-version-check --no-deps -w /wheels ./shared-io ./packages/otrain
RUN /opt/otrain/bin/pip install -q --disable-pip-version-check --no-index --no-deps /wheels/*.whl
# The libraries they name, in the tested versions.
RUN /opt/otrain/bin/python requirements.py /wheels > requirements.txt
RUN /opt/otrain/bin/pip install -q --disable-pip-version-check --no-cache-dir \
        -c packages/otrain/constraints.txt -r requirements.txt
RUN /opt/otrain/bin/pip check

FROM python:3.11-slim
LABEL smoke="otrain --version && otrain --help && otrain-checkinfer --version && otrain-convert --version && otrain-diagnostics --version && otrain-grad-cam --version && otrain-infer --version && otrain-optimise-dataset-size --version && otrain-plot-results --version && otrain-plots-results --version && otrain-train --version && gamdet-checkinfer --version && gamdet-convert --version && gamdet-diagnostics --version && gamdet-grad-cam --version && gamdet-infer --version && gamdet-optimise-dataset-size --version && gamdet-plot-results --version && gamdet-plots-results --version && gamdet-train --version"
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent user \
    && install -d -o user -g user /cache /data
COPY --from=build /opt/otrain /opt/otrain
# The root may be read-only: what libraries cache goes to one writable volume.
ENV PATH=/opt/otrain/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/cache/numba \
    MPLCONFIGDIR=/cache/matplotlib \
    XDG_CACHE_HOME=/cache \
    KERAS_HOME=/cache/keras \
    XDG_CONFIG_HOME=/cache
VOLUME /cache
WORKDIR /data
USER user
ENTRYPOINT ["otrain"]
CMD ["--help"]
