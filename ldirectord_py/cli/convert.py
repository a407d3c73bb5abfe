"""``convert``: prints a configuration in the other form: ldirectord.cf as YAML, and YAML as ldirectord.cf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ldirectord_py.checks.registry import kinds
from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.configuration import load_with_warnings
from ldirectord_py.cli.invocation.options import OptionParser
from ldirectord_py.config.document import Document, read_document
from ldirectord_py.config.files import Files
from ldirectord_py.config.lines import YAML_SUFFIXES
from ldirectord_py.config.load import reparse
from ldirectord_py.config.parse import Parsed
from ldirectord_py.config.write_cf import to_cf_form
from ldirectord_py.config.write_yaml import to_yaml_form
from ldirectord_py.errors import ConfigError, LdirectordError

FORMS = ("cf", "yaml")


def run(invocation: Invocation) -> int:
    """Print the converted file; return 0; raise ConfigError for a file with an error or that cannot be converted."""
    path = invocation.config_file()
    form = _form(invocation.arguments) or ("cf" if path.suffix in YAML_SUFFIXES else "yaml")
    loaded = load_with_warnings(path)
    document = read_document(Files(loaded.contents).text(str(path)), kinds())
    converted = write(document, form)
    _verify(loaded, path, converted, form)
    print(converted, end="", flush=True)
    return 0


def write(document: Document, form: str) -> str:
    """Return the text of a document in one of FORMS; raises ConfigError for what this form cannot hold."""
    return to_yaml_form(document) if form == "yaml" else to_cf_form(document, kinds())


def _form(arguments: Sequence[str]) -> str | None:
    parser = OptionParser("convert")
    parser.add_argument("--to", choices=FORMS)
    form: str | None = parser.parse_args(arguments).to
    return form


def _verify(loaded: Parsed, path: Path, converted: str, form: str) -> None:
    """Raise LdirectordError unless the converted text means the same in place of the file."""
    name = str(path.with_name(f"{path.name}.converted.{form}"))
    texts = {name: converted.encode("utf-8", "surrogateescape"), **loaded.contents.texts}
    try:
        again = reparse(replace(loaded, file=name, contents=replace(loaded.contents, texts=texts)), {})
    except ConfigError as error:
        raise LdirectordError(f"{path} cannot be converted: {error}") from error
    if again.config != loaded.config:
        raise LdirectordError(
            f"{path} would mean something else when converted; nothing is printed: please report this"
        )
