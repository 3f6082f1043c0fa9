"""How to cite and find the release: ``CITATION.cff``, ``datacite.json``, RO-Crate metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from framework.approvals import file_sha256
from framework.atomic import write_text
from framework_release.about import About
from framework_release.bids import write_json
from framework_release.checksums import release_files

_ACCESS = {
    "open": "info:eu-repo/semantics/openAccess",
    "registered": "info:eu-repo/semantics/restrictedAccess",
    "controlled": "info:eu-repo/semantics/restrictedAccess",
}


def write_citation(root: Path, about: About) -> None:
    """``CITATION.cff`` (Citation File Format 1.2.0)."""
    config = about.config
    authors = []
    for author in config.authors:
        family, _, given = (p.strip() for p in author.name.partition(","))
        one = {"family-names": family, "given-names": given} if given else {"name": family}
        if author.orcid:
            one["orcid"] = f"https://orcid.org/{author.orcid}"
        if author.affiliation:
            one["affiliation"] = author.affiliation
        authors.append(one)
    body: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "Please cite this data set as below.",
        "type": "dataset",
        "title": config.title,
        "abstract": about.description,
        "version": about.version,
        "date-released": about.date,
        "authors": authors,
        "contact": [{"name": config.contact}],
    }
    if config.keywords:
        body["keywords"] = list(config.keywords)
    if config.doi:
        body["doi"] = config.doi
    if config.url:
        body["url"] = config.url
    if config.licence_url:
        body["license-url"] = config.licence_url
    text = yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=1000)
    write_text(root / "CITATION.cff", text)


def write_datacite(root: Path, about: About) -> None:
    """``datacite.json`` (DataCite Metadata Schema 4.5), to register a DOI with."""
    config = about.config
    rights: dict[str, str] = {"rights": config.licence}
    if config.licence_url:
        rights["rightsUri"] = config.licence_url
    body: dict[str, Any] = {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "titles": [{"title": config.title}],
        "creators": [_creator(a) for a in config.authors],
        "publisher": {"name": config.publisher},
        "publicationYear": about.date[:4],
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Video recordings"},
        "subjects": [{"subject": k} for k in config.keywords],
        "contributors": [
            {
                "name": config.publisher,
                "nameType": "Organizational",
                "contributorType": "HostingInstitution",
            }
        ],
        "dates": [{"date": about.date, "dateType": "Issued"}],
        "language": "en",
        "version": about.version,
        "rightsList": [rights, {"rightsUri": _ACCESS[config.access], "rights": config.access}],
        "descriptions": [
            {"description": about.description, "descriptionType": "Abstract"},
            {"description": about.how_covered, "descriptionType": "Methods"},
        ],
        "fundingReferences": [{"funderName": f} for f in config.funding],
    }
    if config.doi:
        body["doi"] = config.doi
        body["identifiers"] = [{"identifier": config.doi, "identifierType": "DOI"}]
    write_json(root / "datacite.json", body)


def _creator(author: Any) -> dict[str, Any]:
    family, _, given = (p.strip() for p in author.name.partition(","))
    body: dict[str, Any] = {"name": author.name, "nameType": "Personal"}
    if given:
        body |= {"familyName": family, "givenName": given}
    if author.orcid:
        body["nameIdentifiers"] = [
            {
                "nameIdentifier": f"https://orcid.org/{author.orcid}",
                "nameIdentifierScheme": "ORCID",
                "schemeUri": "https://orcid.org",
            }
        ]
    if author.affiliation:
        body["affiliation"] = [{"name": author.affiliation}]
    return body


def write_crate(root: Path, about: About) -> None:
    """``ro-crate-metadata.json`` (RO-Crate 1.1): every file with size and hash."""
    config = about.config
    # Files that come later, or that name this one's hash, cannot be in it.
    files = [n for n in release_files(root) if n != "ro-crate-metadata.json"]
    people = [
        {
            "@id": f"https://orcid.org/{a.orcid}" if a.orcid else f"#author-{k}",
            "@type": "Person",
            "name": a.name,
        }
        for k, a in enumerate(config.authors, start=1)
    ]
    licence = config.licence_url or "#licence"
    graph: list[dict[str, Any]] = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": config.title,
            "description": about.description,
            "datePublished": about.date,
            "version": about.version,
            "license": {"@id": licence},
            "author": [{"@id": p["@id"]} for p in people],
            "publisher": {"@id": "#publisher"},
            "hasPart": [{"@id": n} for n in files],
        },
        {"@id": licence, "@type": "CreativeWork", "name": config.licence},
        {"@id": "#publisher", "@type": "Organization", "name": config.publisher},
        *people,
        *(
            {
                "@id": n,
                "@type": "File",
                "contentSize": str((root / n).stat().st_size),
                "sha256": file_sha256(root / n),
            }
            for n in files
        ),
    ]
    write_json(
        root / "ro-crate-metadata.json",
        {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph},
    )
