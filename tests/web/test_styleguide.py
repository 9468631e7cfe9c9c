"""The style guide: there while the app is being developed, and never else."""


def test_it_is_there_for_who_develops_the_app_alone(app, viewer, monkeypatch):
    viewer.visit("/styleguide", status=404)
    monkeypatch.setitem(app.config, "DEBUG", True)
    page = viewer.visit("/styleguide")
    assert page.heading == "Style guide"
    assert len(page.all("svg")) > 15
