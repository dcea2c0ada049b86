"""A second opinion on both templates: AWS's rules for serverless applications, and CFRipper's for security.

infra/exceptions.toml lists the findings that stand, with the reason for each.
"""

import json
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from infra import parts

BIN = Path(sys.executable).parent
EXCEPTIONS = tomllib.loads((parts.INFRA / "exceptions.toml").read_text())["exceptions"]


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.stdout


def serverless_rules(*templates):
    """Yield the rule, the resource and the message of each finding of cfn-lint with AWS's serverless rules."""
    command = [BIN / "cfn-lint", "--append-rules", "cfn_lint_serverless.rules", "--format", "json", "--template"]
    for finding in json.loads(output_of(*command, *templates)):
        yield finding["Rule"]["Id"], finding["Location"]["Path"][1], finding["Message"]


def cfripper(*templates):
    """Yield the rule, the resource and the message of each finding of CFRipper."""
    command = [sys.executable, "-m", "cfripper", "--format", "json", "--logging", "ERROR"]
    results = [json.loads(line) for line in output_of(*command, *templates).splitlines()]
    assert len(results) == len(templates)
    for result in results:
        assert result["exceptions"] == []
        for failure in result["failures"]:
            for resource in failure["resource_ids"]:
                yield failure["rule"], resource, failure["reason"]


@pytest.fixture(scope="module")
def findings(template, tmp_path_factory):
    """Each finding's message, by rule and resource."""
    api = tmp_path_factory.mktemp("second-opinion") / "api.json"
    api.write_text(json.dumps(template))
    templates = [parts.INFRA / "backend.yaml", api]
    found = [*serverless_rules(*templates), *cfripper(*templates)]
    return {(rule, resource): message for rule, resource, message in found}


@pytest.fixture(scope="module")
def excepted():
    return [(exception["rule"], resource) for exception in EXCEPTIONS for resource in exception["resources"]]


def test_the_tools_find_nothing_that_is_not_excepted(findings, excepted):
    assert {finding: message for finding, message in findings.items() if finding not in excepted} == {}


def test_every_exception_is_still_needed(findings, excepted):
    assert [finding for finding in excepted if finding not in findings] == []


def test_every_exception_is_listed_once_and_has_a_reason(excepted):
    assert [finding for finding, count in Counter(excepted).items() if count > 1] == []
    assert all(len(exception["reason"].split()) > 5 for exception in EXCEPTIONS)


WEAK = """
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      Role: !GetAtt Role.Arn
      Code: {ZipFile: ""}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {AWS: "*"}, Action: "sts:AssumeRole"}]
      Policies:
        - PolicyName: all
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{Effect: Allow, Action: "dynamodb:*", Resource: "*"}]
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {AccessControl: PublicRead}
"""


def test_both_tools_find_planted_mistakes(tmp_path):
    path = tmp_path / "weak.yaml"
    path.write_text(WEAK)
    assert {
        ("ES1005", "Function"),  # default memory
        ("ES1006", "Function"),  # default timeout
        ("WS1000", "Function"),  # no tracing
    } <= {(rule, resource) for rule, resource, _ in serverless_rules(path)}
    assert {
        ("FullWildcardPrincipalRule", "Role"),
        ("IAMRoleWildcardActionOnPolicyRule", "Role"),
        ("WildcardResourceRule", "Role"),
        ("S3BucketPublicReadAclRule", "Bucket"),
    } <= {(rule, resource) for rule, resource, _ in cfripper(path)}
