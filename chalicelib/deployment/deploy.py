"""
`make deploy`: from whatever is there, or nothing, to this working tree in the cloud.

`chalice package` writes the routes and their function from `app.py` and `.chalice/config.json`;
`template.py` merges in the rest of the app stack, from `.chalice/stacks/app/`; `slim.py` makes
the zip small. Zip and template go into the bucket of the data stack, and CloudFormation makes
the app stack of them. Last comes `static/`, into the bucket of the app stack.

Everything that can fail without AWS comes first. What runs already is replaced
by CloudFormation, which goes back by itself; the page follows when the API is new.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from botocore.exceptions import ClientError

from chalicelib.accounts.addresses import mail_address_of
from chalicelib.deployment import PROJECT
from chalicelib.deployment.account import Account, AwsClient, open_account
from chalicelib.deployment.commit import commit_of
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.package import Package, build
from chalicelib.deployment.site import Release, Site
from chalicelib.deployment.stacks import Stacks, Template

CLOUDFRONT_REGION = "us-east-1"
SECRET_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the operator wants from now on; None keeps what the stack remembers, empty takes it away."""

    domain: str | None = None
    more_domains: str | None = None
    hosted_zone_id: str | None = None
    certificate_arn: str | None = None
    alarm_mail: str | None = None
    mail_from: str | None = None
    default_tenant: str | None = None
    web_acl_arn: str | None = None
    architecture: str | None = None

    def parameters(self) -> dict[str, str]:
        """Return those that were said, by their names in the template."""
        said = {
            "DomainName": self.domain,
            "MoreDomainNames": self.more_domains,
            "HostedZoneId": self.hosted_zone_id,
            "CertificateArn": self.certificate_arn,
            "AlarmMail": self.alarm_mail,
            "MailFrom": self.mail_from,
            "MailDomain": None if self.mail_from is None else self.mail_from.rpartition("@")[2],
            "DefaultTenant": self.default_tenant,
            "WebAclArn": self.web_acl_arn,
        }
        return {name: value for name, value in said.items() if value is not None}


def deploy(stage: str, options: Options, *, poll_seconds: float, project: Path = PROJECT) -> None:
    """
    Bring *stage* up to date with *project*. Safe to repeat, and after an attempt that broke off.

    Raises:
        DeploymentError: It did not work. What ran before runs on.
    """
    account = open_account(stage)
    stacks = Stacks(account.client("cloudformation"), poll_seconds=poll_seconds)
    parameters = options.parameters()
    remembered = stacks.parameters(account.app_stack)
    _check_domain(remembered, parameters)
    _check_mail_from(options.mail_from)
    _require_the_stack_of_what_is_kept(account, stacks)
    parameters["Commit"] = commit_of(project)
    print(
        f"Deploying commit {parameters['Commit']} as {stage} "
        f"to account {account.number}, {account.region}, as {account.identity}."
    )
    release = Release.of(project / "static")
    with TemporaryDirectory() as folder:
        print("Packaging, which takes some seconds.")
        architecture = options.architecture or _architecture_in_use(account, stacks)
        package = build(stage, Path(folder), architecture=architecture, project=project)
        print("Tables and keys:")
        data_template = Template(body=(project / ".chalice/stacks/data.yaml").read_text("utf-8"))
        stacks.deploy(account.data_stack, data_template, {"Stage": stage}, loses_nothing=True)
        bucket = stacks.outputs(account.data_stack)["ArtifactsBucketName"]
        template = _upload(package, account.client("s3"), bucket, owner=account.number)
    if (remembered | parameters).get("DomainName"):
        parameters |= _certificate(account, remembered, parameters, project, poll_seconds=poll_seconds)
    print("Functions, API and front door (CloudFront takes some minutes when it changes):")
    stacks.prepare(account.app_stack)
    is_new = not stacks.exists(account.app_stack)
    if is_new:
        parameters["OriginSecret"] = secrets.token_urlsafe(SECRET_BYTES)
    stacks.deploy(account.app_stack, template, parameters)
    outputs = stacks.outputs(account.app_stack)
    site = Site(account.client("s3"), bucket=outputs["SiteBucketName"], artifacts_bucket=bucket)
    sent = site.publish(release)
    print(f"Page: release {release.name}, {sent} files sent.")
    _say_what_is_next(account, stacks.parameters(account.app_stack), outputs, options, is_new=is_new)


def _check_domain(remembered: dict[str, str], said: dict[str, str]) -> None:
    wanted = remembered | said
    domain, zone, certificate = (
        wanted.get(name, "") for name in ("DomainName", "HostedZoneId", "CertificateArn")
    )
    if domain != remembered.get("DomainName", ""):
        certificate = said.get("CertificateArn", "")  # the one before proves another name
    if domain and not (zone or certificate):
        raise DeploymentError(
            f"For DOMAIN={domain} say also HOSTED_ZONE_ID=..., its zone in Route 53, or "
            "CERTIFICATE_ARN=..., a certificate for it, where somebody else serves its DNS."
        )
    if certificate and certificate.split(":")[3:4] != [CLOUDFRONT_REGION]:
        raise DeploymentError(
            f"CloudFront takes certificates of {CLOUDFRONT_REGION} only; CERTIFICATE_ARN is another's."
        )
    names = ("DomainName", "MoreDomainNames")
    are_new = any(wanted.get(name, "") != remembered.get(name, "") for name in names)
    _check_further_domains(wanted, said, are_new=are_new)


def _check_mail_from(address: str | None) -> None:
    if address and mail_address_of(address) != address:
        raise DeploymentError(
            f"MAIL_FROM={address} is no mail address, or its domain is not written in small ASCII letters."
        )


def _check_further_domains(wanted: dict[str, str], said: dict[str, str], *, are_new: bool) -> None:
    more_domains = wanted.get("MoreDomainNames", "")
    if more_domains and not wanted.get("DomainName"):
        raise DeploymentError("MORE_DOMAINS=... needs a first one: DOMAIN=...")
    if more_domains and are_new and not said.get("CertificateArn"):
        raise DeploymentError(
            f"For MORE_DOMAINS={more_domains} say also CERTIFICATE_ARN=..., a certificate that covers "
            "them and DOMAIN: the one that is made here would be for DOMAIN alone."
        )


def _require_the_stack_of_what_is_kept(account: Account, stacks: Stacks) -> None:
    """Refuse to begin with empty tables where a removed stack has left the ones that are in use."""
    if stacks.exists(account.data_stack):
        return
    alias = f"alias/{account.data_stack.removesuffix('-data')}-secrets"
    try:
        account.client("kms").describe_key(KeyId=alias)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NotFoundException":
            return
        raise
    raise DeploymentError(
        f"Nothing was changed. {alias} is there, and the stack {account.data_stack} is not: "
        "it was removed, and what it kept was left behind. A new one would begin with empty tables. "
        "See docs/runbook.md, Data stack removed."
    )


def _architecture_in_use(account: Account, stacks: Stacks) -> str | None:
    """Return what the function runs on now; None if there is no function."""
    name = stacks.outputs(account.app_stack).get("ApiFunctionName")
    if name is None:
        return None
    try:
        configuration = account.client("lambda").get_function_configuration(FunctionName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    architecture: str = configuration["Architectures"][0]
    return architecture


def _upload(package: Package, s3: AwsClient, bucket: str, *, owner: str) -> Template:
    """
    Put zip and template into *bucket* of the account *owner*, each under its hash.

    Return where the template lies. Both are sent even if they are there already: the hash can be
    computed by anybody, and who may write to the bucket could have put something else in their place.
    """

    def put(key: str, content: bytes) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=content, ExpectedBucketOwner=owner)

    code_key = f"code/{package.sha256}.zip"
    put(code_key, package.zip_path.read_bytes())
    template = json.loads(package.template_path.read_bytes())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": code_key}
    text = json.dumps(template, sort_keys=True).encode()
    template_key = f"templates/{hashlib.sha256(text).hexdigest()}.json"
    put(template_key, text)
    return Template(url=f"{s3.meta.endpoint_url}/{bucket}/{template_key}")


def _certificate(
    account: Account,
    remembered: dict[str, str],
    said: dict[str, str],
    project: Path,
    *,
    poll_seconds: float,
) -> dict[str, str]:
    """Return the parameter for the domain's certificate, made first where that is ours to do."""
    wanted = remembered | said
    is_same_domain = wanted["DomainName"] == remembered.get("DomainName")
    if said.get("CertificateArn") or (is_same_domain and wanted.get("CertificateArn")):
        return {}
    print(f"Certificate for {wanted['DomainName']} (it waits until the domain is proven):")
    stacks = Stacks(account.client("cloudformation", region=CLOUDFRONT_REGION), poll_seconds=poll_seconds)
    template = Template(body=(project / ".chalice/stacks/certificate.yaml").read_text("utf-8"))
    parameters = {"DomainName": wanted["DomainName"], "HostedZoneId": wanted["HostedZoneId"]}
    stacks.deploy(account.certificate_stack, template, parameters)
    return {"CertificateArn": stacks.outputs(account.certificate_stack)["CertificateArn"]}


def _say_what_is_next(
    account: Account, parameters: dict[str, str], outputs: dict[str, str], options: Options, *, is_new: bool
) -> None:
    stage, domain, mail = account.stage, parameters.get("DomainName", ""), parameters.get("AlarmMail", "")
    print(f"\nReady: {outputs['Url']}")
    if domain and not parameters.get("HostedZoneId"):
        cloudfront = account.client("cloudfront")
        target = cloudfront.get_distribution(Id=outputs["DistributionId"])["Distribution"]["DomainName"]
        print(f"Let {domain} be a CNAME of {target} where its DNS is served.")
    if parameters.get("MoreDomainNames"):
        print(f"Let each of {parameters['MoreDomainNames']} be a CNAME of {domain}.")
    if not mail:
        print(f"Nobody is told of alarms yet: make deploy STAGE={stage} ALARM_MAIL=...")
    elif options.alarm_mail or is_new:
        print(f"AWS sends {mail} a mail: alarms come once it is confirmed.")
    if not parameters.get("MailFrom"):
        print(f"Users are told nothing by mail yet: make deploy STAGE={stage} MAIL_FROM=...")
    if is_new:
        print(
            "Next, a portal and somebody who signs in there:\n"
            f"  make tenant STAGE={stage} PROFILE=my-portal.json    "
            "(chalicelib/local/demo-tenant.json is an example)\n"
            f"  make user STAGE={stage} TENANT=my-portal USERNAME=anna@firma.se"
        )
        if not parameters.get("DefaultTenant"):
            print(
                f"Then open {outputs['Url']}/?tenant=my-portal, "
                f"or choose it for good: make deploy STAGE={stage} DEFAULT_TENANT=my-portal"
            )
    elif parameters.get("DefaultTenant"):
        print(f"It opens the tenant {parameters['DefaultTenant']} unless the address names another.")
