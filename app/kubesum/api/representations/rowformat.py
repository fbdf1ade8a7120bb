"""The format in which rows are sent: as objects, as their metadata, or as rows of a Table."""

from dataclasses import dataclass

from kubesum.api.representations.objects import ENCODER, Object, PartialObjectMetadata, object_of, partial_of
from kubesum.api.representations.table import Ages, AgeSpot, TableRow, spotted_row, table_row
from kubesum.api.requests.negotiation import Form, Representation
from kubesum.api.requests.options import Include
from kubesum.rollups.rows import Row
from kubesum.vocabulary.resource import ComputedResource


@dataclass(frozen=True, slots=True)
class RowFormat:
    """The format in which rows of a resource are encoded; `include` counts for Tables only."""

    resource: ComputedResource
    representation: Representation
    include: Include

    @property
    def key(self) -> tuple[str, str, str]:
        """Equal for formats in which a row has the same text."""
        return self.representation.form.value, self.representation.api_version, self.include.value

    def document(self, row: Row, ages: Ages) -> Object | PartialObjectMetadata | TableRow:
        """What is encoded for one row."""
        match self.representation.form:
            case Form.OBJECT:
                return object_of(self.resource, row)
            case Form.TABLE:
                return table_row(self.resource, row, ages, self.include, self.representation.api_version)
            case Form.METADATA | Form.METADATA_LIST:
                return partial_of(self.resource, row, self.representation.api_version)

    def encoded(self, row: Row, ages: Ages) -> tuple[bytes, tuple[AgeSpot, ...]]:
        """The JSON of one row, and where ages stand in it."""
        if self.representation.form is Form.TABLE:
            return spotted_row(self.resource, row, ages, self.include, self.representation.api_version)
        return ENCODER.encode(self.document(row, ages)), ()
