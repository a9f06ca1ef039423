"""What had seen documents that were taken down later: it no longer follows from the data of the lake."""

from pydantic import BaseModel, Field

from gristmill.warehouse.connection import Warehouse


class StaleBy(BaseModel):
    """A takedown that made something stale."""

    takedown: str = Field(description="id of the takedown")
    documents: int = Field(description="documents taken down that it holds or read")
    tokens: int = Field(description="tokens of them that it holds or read")

    @property
    def about(self) -> str:
        """The same in words."""
        return (
            f"takedown {self.takedown} removed {self.documents:,} documents ({self.tokens:,} tokens) that it had seen"
        )


def stale_by(warehouse: Warehouse, kind: str, subject: str) -> list[StaleBy]:
    """The takedowns that made a subject stale, as the table ``stale`` calls it; none where it is not."""
    found = warehouse.query(
        "SELECT takedown, documents, tokens FROM stale WHERE kind = $kind AND subject = $subject ORDER BY takedown",
        {"kind": kind, "subject": subject},
    )
    return [StaleBy(**row) for row in found]
