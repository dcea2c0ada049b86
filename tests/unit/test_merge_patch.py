"""JSON Merge Patch."""

import copy

import pytest
from hypothesis import given

from chalicelib.json.merge_patch import merge
from tests import documents

RFC_EXAMPLES = [  # RFC 7396, appendix A: the examples with an object as patch
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), RFC_EXAMPLES)
def test_the_examples_in_the_rfc_have_the_expected_results(target, patch, result):
    assert merge(target, patch) == result


@given(documents.objects, documents.objects)
def test_applying_a_patch_twice_has_the_same_result_as_once(target, patch):
    assert merge(merge(target, patch), patch) == merge(target, patch)


@given(documents.objects)
def test_an_empty_patch_changes_nothing(target):
    assert merge(target, {}) == target


@given(documents.objects, documents.objects)
def test_target_and_patch_are_not_modified(target, patch):
    before = copy.deepcopy((target, patch))
    merge(target, patch)
    assert (target, patch) == before


@given(documents.objects, documents.objects)
def test_members_that_are_not_in_the_patch_are_kept(target, patch):
    merged = merge(target, patch)
    for name in target.keys() - patch.keys():
        assert merged[name] == target[name]
