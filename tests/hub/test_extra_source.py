"""A Hub data set as further training rows is pinned to its commit."""

from tests import tiny
from tests.hub.conftest import as_csv


def test_further_rows_of_the_hub_stay_those_of_their_commit(hub, files, csv, python, tiny_models):
    commit = hub.add("dataset", "owner/more", files("more", {"train.csv": as_csv(tiny.labelled_rows(80)[-10:])}))
    found = python(f"""
        from tuner.config import RunConfig
        from tuner.launch.local import prepare
        data = {{"source": {str(csv(60))!r}, "extra_source": "owner/more"}}
        once = prepare(RunConfig(data=data, model={{"name": {str(tiny_models["bert"])!r}}}))
        print(json.dumps([once.data.extra_source, prepare(once) == once]))
    """)
    assert found == [f"owner/more@{commit}", True]
