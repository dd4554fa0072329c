"""A datatrove step: keeps the article's lines, as datatrove's own line filters do.

    from unticker.datatrove import UntickerFilter
    pipeline = [JsonlReader(...), UntickerFilter(), JsonlWriter(...)]

This module imports datatrove, so nothing else of the package imports it.
"""

from collections.abc import Sequence
from typing import Any

from unticker import engines
from unticker.engines import Failed
from unticker.errors import UsageError
from unticker.types import Kind, Label, Page

try:
    from datatrove.data import Document
    from datatrove.pipeline.filters.base_filter import BaseFilter
except ImportError:
    raise UsageError("this step needs datatrove: pip install 'unticker[datatrove]'") from None


class UntickerFilter(BaseFilter):  # type: ignore[misc]
    """Replaces a document's text by its article; drops documents without one.

    Documents are dropped as ``no_article`` when nothing of ``keep`` is left, and as
    ``failed`` when they could not be labelled (``metadata["unticker"]["reason"]`` says why);
    a dropped document keeps the text it had.

    Args:
        exclusion_writer: saves dropped documents
        batch_size: documents labelled in one pass
        model: a model folder, None for the shipped model
        keep: labels that stay in the text
        title: whether the page's own headline stays
        kind: ``auto``, ``text`` or ``html``
        labels: keep each line's number, label and probability in ``metadata["unticker"]``
        dropped_lines_writer: saves the lines that were dropped from kept documents, a document
            for each page
    """

    name = "📰 unticker"

    def __init__(
        self,
        exclusion_writer: Any = None,
        batch_size: int = 64,
        model: str | None = None,
        keep: Sequence[Label] = ("body",),
        title: bool = True,
        kind: Kind = "auto",
        labels: bool = True,
        dropped_lines_writer: Any = None,
    ) -> None:
        super().__init__(exclusion_writer, batch_size)
        self.load = engines.loader(model)
        self.keep, self.title, self.kind, self.labels = tuple(keep), title, kind, labels
        self.dropped_lines_writer = dropped_lines_writer
        self._dropped: list[Any] = []

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        return self.filter_batch([doc])[0]

    def filter_batch(self, batch: list[Document]) -> list[bool | tuple[bool, str]]:
        model = self.load()
        pages = engines.label_pages(model, [(doc.text, self.kind) for doc in batch])
        return [
            self._apply(doc, page, model.digest) for doc, page in zip(batch, pages, strict=True)
        ]

    def _apply(self, doc: Document, page: Page | Failed, digest: str) -> bool | tuple[bool, str]:
        if isinstance(page, Failed):
            doc.metadata["unticker"] = {"status": "failed", "reason": page.reason, "model": digest}
            return False, "failed"
        about: dict[str, Any] = {"status": "ok", "title": page.title, "model": digest}
        if self.labels:
            about["lines"] = [
                {"line": line.number, "label": line.label, "probability": line.probability}
                for line in page.lines
            ]
        doc.metadata["unticker"] = about
        for line in page.lines:
            self.stat_update(f"line-{line.label}")
        text = page.text(self.keep, self.title)
        if not text.strip():
            return False, "no_article"
        if self.dropped_lines_writer is not None:
            self._dropped.append(self._lines(doc, page))
        doc.text = text
        return True

    def _lines(self, doc: Document, page: Page) -> Document:
        parts = [
            (line.number, part.label, line.text[part.start : part.end])
            for line in page.lines
            for part in line.segments
            if part.label not in self.keep
            or (not self.title and (line.number, part.start) in page.title_spans)
        ]
        lines = [{"line": number, "label": label} for number, label, _ in parts]
        text = "\n".join(text for _, _, text in parts)
        return Document(text=text, id=doc.id, metadata={"lines": lines})

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Any:
        if self.dropped_lines_writer is None:
            yield from super().run(data, rank, world_size)
            return
        with self.dropped_lines_writer as writer:
            for doc in super().run(data, rank, world_size):
                self._flush(writer, rank)
                yield doc
            self._flush(writer, rank)

    def _flush(self, writer: Any, rank: int) -> None:
        for dropped in self._dropped:
            if dropped.text:
                writer.write(dropped, rank)
        self._dropped = []
