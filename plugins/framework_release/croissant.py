"""``croissant.json``: the release for machines (Croissant 1.1 with its responsible-AI fields).

http://mlcommons.org/croissant/1.1 and http://mlcommons.org/croissant/RAI/1.0. ``mlcroissant`` loads
it and iterates every record set; each field of a table names its column in the CSV file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from framework.approvals import file_sha256
from framework_release.about import About
from framework_release.checksums import release_files
from framework_release.seconds import Column
from framework_release.tables import TABLES

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {"text": "sc:Text", "integer": "sc:Integer", "number": "sc:Float"}
_MEDIA = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")


def describe(root: Path, about: About) -> dict[str, Any]:
    """The description of the release that lies in ``root``."""
    config = about.config
    body: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.1",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": config.title,
        "description": about.description,
        "license": config.licence_url or config.licence,
        "url": config.url
        or (f"https://doi.org/{config.doi}" if config.doi else "https://example.org/"),
        "version": about.version,
        "datePublished": about.date,
        "citeAs": about.citation,
        "creator": [_person(a) for a in config.authors],
        "publisher": {"@type": "sc:Organization", "name": config.publisher},
        "keywords": list(config.keywords) or ["facial expression", "clinical encounter"],
        "inLanguage": "en",
        "isLiveDataset": False,
        **_responsible(about),
        "distribution": _distribution(root),
        "recordSet": [_participants(about), *(_records(n, c) for n, c in TABLES.items())],
    }
    return body


def _person(author: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"@type": "sc:Person", "name": author.name}
    if author.orcid:
        body["identifier"] = f"https://orcid.org/{author.orcid}"
    if author.affiliation:
        body["affiliation"] = {"@type": "sc:Organization", "name": author.affiliation}
    return body


def _responsible(about: About) -> dict[str, Any]:
    config = about.config
    return {
        "rai:dataCollection": (
            f"{config.task_description or 'Medical consultations were recorded on video.'} "
            f"Approved by: {config.ethics_approval}. Consent: {config.consent_basis}"
        ),
        "rai:dataCollectionType": ["Observations", "Software Collection"],
        "rai:dataPreprocessingProtocol": [
            about.how_covered,
            "Sound was removed." if config.audio == "drop" else "Voices were changed.",
            "Names, dates, metadata and the order of recording were removed; groups were "
            f"generalised until {config.k} people share each combination.",
        ],
        "rai:dataAnnotationProtocol": (
            "Expressions were read by a machine from the original recordings, second by second; no "
            "person labelled them. A second without enough evidence is 'unknown'."
        ),
        "rai:machineAnnotationTools": about.tools,
        "rai:annotationsPerItem": "one, by one machine",
        "rai:annotatorDemographics": ["no human annotators"],
        "rai:dataLimitations": about.limits,
        "rai:dataBiases": about.biases,
        "rai:dataUseCases": about.uses,
        "rai:dataSocialImpact": about.impact,
        "rai:personalSensitiveInformation": about.sensitive,
        "rai:dataReleaseMaintenancePlan": about.maintenance,
    }


def _distribution(root: Path) -> list[dict[str, Any]]:
    files = release_files(root)
    tables = [n for n in files if n.startswith("tables/") and n.endswith((".csv", ".parquet"))]
    found = [
        _file(root, name, "text/csv" if name.endswith(".csv") else "application/vnd.apache.parquet")
        for name in tables
    ]
    found.append(_file(root, "participants.tsv", "text/tab-separated-values"))
    for name in files:
        if name.endswith(_MEDIA):
            found.append(_file(root, name, "video/mp4"))
        elif "/beh/" in name and name.endswith((".png", ".jpg", ".jpeg")):
            found.append(_file(root, name, "image/png" if name.endswith("png") else "image/jpeg"))
    return found


def _file(root: Path, name: str, kind: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{(root / name).stat().st_size} B",
        "encodingFormat": kind,
        "sha256": file_sha256(root / name),
    }


def _records(name: str, columns: tuple[Column, ...]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "field": [_field(name, c, f"tables/{name}.csv") for c in columns],
    }
    if name == "recordings":
        body["key"] = {"@id": "recordings/file"}
    return body


def _field(table: str, column: Column, file: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{table}/{column.name}",
        "name": column.name,
        "description": column.text,
        "dataType": _TYPES[column.kind],
        "source": {"fileObject": {"@id": file}, "extract": {"column": column.name}},
    }
    if column.name == "file" and table != "recordings":
        body["references"] = {"field": {"@id": "recordings/file"}}
    return body


def _participants(about: About) -> dict[str, Any]:
    columns = [
        Column("participant_id", "text", "the participant"),
        *(Column(c, "text", f"group '{c}', generalised") for c in about.config.groups),
        Column("sessions", "integer", "recorded encounters"),
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "participants",
        "name": "participants",
        "key": {"@id": "participants/participant_id"},
        "field": [_field("participants", c, "participants.tsv") for c in columns],
    }
