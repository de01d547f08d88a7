"""What a browser sees of a running sandbox: the API reference, where calls can be tried, and the stored records.

The tests with a browser need Chromium or Chrome and its driver. They are run where they are selected, by their mark.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from evermemos.sandbox import Sandbox, _pages

pytestmark = pytest.mark.socket

V0 = "/api/v0/memories/conversation-meta"
V1 = "/api/v1/memories/conversation-meta"
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --window-size=1280,1400"
)
PATIENCE = 30
MISSING = "swagger-ui-py: pip install 'evermemos-client[sandbox]'"


def store(sandbox: Sandbox, group_id: str | None = None, **fields: Any) -> None:
    """Keep a record of v1."""
    default = {"version": "1.0", "scene": "group_chat", "scene_desc": {}, "name": "N", "created_at": "2025-01-15"}
    headers = {"authorization": f"Bearer {sandbox.api_key}"}
    body = json.dumps({**default, "group_id": group_id, **fields}).encode()
    assert sandbox.handle("POST", V1, headers, body).status == 200


def without_swagger_ui(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "swagger_ui" else find_spec(name))


def mounted(sandbox: Sandbox, root: str) -> Callable[[], Any]:
    """Make a stand-in for `Sandbox.asgi` that is mounted under a path."""
    app = sandbox.asgi()

    async def run(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": root}, receive, send)

    return lambda: run


# Without a browser


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_page_is_html(sandbox: Sandbox, path: str) -> None:
    with sandbox.serve() as url:
        answer = httpx.get(url + path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert '<script src="/docs/swagger-ui-bundle.js">' in answer.text


def test_the_document_is_openapi_yaml_with_the_sandbox_as_its_only_server(
    sandbox: Sandbox, spec: dict[str, Any]
) -> None:
    with sandbox.serve() as url:
        answer = httpx.get(f"{url}/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert [server["url"] for server in document["servers"]] == ["/"]
    assert document == {**spec, "servers": document["servers"]}


@pytest.mark.parametrize(
    ("name", "kind", "least"), [("swagger-ui-bundle.js", "text/javascript", 1e6), ("swagger-ui.css", "text/css", 1e5)]
)
def test_the_assets_of_the_page_are_served(sandbox: Sandbox, name: str, kind: str, least: int) -> None:
    with sandbox.serve() as url:
        answer = httpx.get(f"{url}/docs/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
    assert len(answer.content) > least


def test_no_other_file_is_an_asset(sandbox: Sandbox) -> None:
    with sandbox.serve() as url:
        for name in ("swagger-editor.js", "..%2Fpage.html", "%2e%2e/page.html", "swagger-ui.css/"):
            assert httpx.get(f"{url}/docs/{name}").status_code == 404


def test_without_swagger_ui_the_answer_says_what_to_install(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    without_swagger_ui(monkeypatch)
    with sandbox.serve() as url:
        answer = httpx.get(f"{url}/docs/swagger-ui-bundle.js")
        assert (answer.status_code, answer.json()) == (404, {"detail": f"The API reference needs {MISSING}"})
        assert httpx.get(f"{url}/docs").status_code == 200


def test_records_need_the_key_when_there_is_one() -> None:
    sandbox = Sandbox(api_key="sesame")
    store(sandbox)
    with sandbox.serve() as url:
        for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "sesame"}):
            answer = httpx.get(f"{url}/sandbox/records", headers=headers)
            assert (answer.status_code, answer.json()["message"]) == (401, "Invalid API key")
        answer = httpx.get(f"{url}/sandbox/records", headers={"Authorization": "Bearer sesame"})
        assert (answer.status_code, answer.json()["total"]) == (200, 1)
        # What is no secret is open, so that the page can ask for the key.
        for path in ("/docs", "/openapi.json", "/docs/swagger-ui.css"):
            assert httpx.get(url + path).status_code == 200


def test_records_are_the_newest_hundred(sandbox: Sandbox) -> None:
    for number in range(101):
        store(sandbox, f"g{number}", name=f"N{number}")
    with sandbox.serve() as url:
        found = httpx.get(f"{url}/sandbox/records").json()
    assert found["total"] == 101
    assert [record["group_id"] for record in found["records"]] == [f"g{number}" for number in range(100, 0, -1)]
    assert (found["records"][0]["api"], found["records"][0]["name"]) == ("v1", "N100")


def test_pages_are_not_noted_as_requests(sandbox: Sandbox) -> None:
    sandbox.fail(status=503)
    with sandbox.serve() as url, httpx.Client(base_url=url) as client:
        for path in ("/", "/docs", "/openapi.json", "/sandbox/records", *_pages.ASSETS):
            assert client.get(path).status_code == 200
        assert not sandbox.requests
        # The fault was not used up either.
        assert client.get(V1).status_code == 503
    assert [request.target for request in sandbox.requests] == [V1]


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/sandbox/records", "/docs/swagger-ui.css"])
def test_pages_are_only_read(sandbox: Sandbox, path: str) -> None:
    with sandbox.serve() as url:
        answer = httpx.post(url + path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    assert [(request.method, request.target) for request in sandbox.requests] == [("POST", path)]


class Outline(HTMLParser):
    """Which elements a page has, where they point, and what its scripts say."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.script = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(" ".join([tag, *(name for name, _ in attrs)]))
        self.addresses += [value for name, value in attrs if name in ("src", "href", "data-root") and value]

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1].startswith("script"):
            self.script += data


def outline(sandbox: Sandbox, root: str) -> Outline:
    answer = _pages.page(sandbox, "/", root, "")
    assert answer is not None
    return Outline(answer.body.decode())


@pytest.mark.parametrize(
    "root",
    [
        "/\"'><script>alert(1)</script>",
        "/</script><script>alert(1)</script>",
        "/`${alert(1)}`\\",
        "/a\nb c é",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "javascript:alert(1)//",
    ],
)
def test_the_mount_path_cannot_break_out(sandbox: Sandbox, root: str) -> None:
    plain, found = outline(sandbox, ""), outline(sandbox, root)
    assert found.tags == plain.tags
    assert found.script == plain.script
    assert len(found.addresses) == 4
    for address in found.addresses:
        own = httpx.URL("http://sandbox/").join(address)
        assert address == "data:," or (own.host == "sandbox" and not set(address) & set("\"'<>`\\ \n"))


def test_only_the_script_of_the_page_may_run_inline(sandbox: Sandbox) -> None:
    transport = httpx.ASGITransport(sandbox.asgi(), root_path="/memory")

    async def talk() -> httpx.Response:
        async with httpx.AsyncClient(base_url="http://asgi", transport=transport) as client:
            return await client.get("/memory/docs")

    answer = asyncio.run(talk())
    rules = dict(rule.strip().split(" ", 1) for rule in answer.headers["content-security-policy"].split(";"))
    script = answer.text.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'self' 'sha256-{digest}'"
    assert rules["connect-src"] == "'self'"


@pytest.mark.parametrize(("root", "server"), [("/memory", "/memory"), ("/a/b/", "/a/b"), ("", "/"), ("/", "/")])
def test_the_page_mounted_under_a_path(sandbox: Sandbox, root: str, server: str) -> None:
    document = _pages.page(sandbox, "/openapi.json", root, "")
    assert document is not None
    assert [found["url"] for found in json.loads(document.body)["servers"]] == [server]
    prefix = root.rstrip("/")
    files = ["data:,", f"{prefix}/docs/swagger-ui.css", f"{prefix}/docs/swagger-ui-bundle.js"]
    assert outline(sandbox, root).addresses == ([prefix] if prefix else []) + files


# With a browser


class Page:
    """The page in a browser."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str, path: str = "/docs") -> None:
        self.log()
        self.url = url
        self.driver.get(url + path)
        self.until(lambda: self.count() != "Loading…")

    def until(self, happened: Callable[[], Any]) -> Any:
        """Wait until something has come about, and return it."""
        return WebDriverWait(self.driver, PATIENCE, poll_frequency=0.05).until(lambda _: happened())

    def script(self, code: str) -> Any:
        return self.driver.execute_script(code)

    def click(self, selector: str) -> None:
        self.until(lambda: self.driver.find_elements(By.CSS_SELECTOR, selector))[0].click()

    def type(self, selector: str, text: str) -> None:
        field = self.until(lambda: self.driver.find_elements(By.CSS_SELECTOR, selector))[0]
        field.clear()
        field.send_keys(text)

    def text(self, selector: str) -> str:
        return str(self.script(f"return document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def count(self) -> str:
        return self.text("#count")

    def rows(self) -> list[list[str]]:
        """The records in the table, by the texts of their cells."""
        rows = "document.querySelectorAll('#records tbody tr:not(.whole)')"
        found: list[list[str]] = self.script(f"return [...{rows}].map(row => [...row.cells].map(td => td.innerText))")
        return found

    def operations(self) -> list[str]:
        blocks = "document.querySelectorAll('#swagger .opblock-summary-control')"
        found: list[str] = self.script(f"return [...{blocks}].map(block => block.innerText.replaceAll('\\u200b', ''))")
        return found

    def execute(self, operation: str) -> str:
        """Try out an operation, with what is filled in for it, and return the status that is shown."""
        block = f"#operations-conversation-meta-{operation}"
        if not self.driver.find_elements(By.CSS_SELECTOR, f"{block} .execute"):
            self.click(f"{block} .opblock-summary-control")
            self.click(f"{block} .try-out__btn")
        self.click(f"{block} .execute")
        return str(self.until(lambda: self.text(f"{block} .live-responses-table tbody .response-col_status")))

    def log(self) -> list[str]:
        """What the browser has complained about since it was last asked."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in entries if entry["level"] in ("WARNING", "SEVERE")]

    def elsewhere(self) -> list[str]:
        """What the page has asked others for. The page itself and its parts must have come from the sandbox."""
        asked = self.script("return performance.getEntries().filter(entry => entry.initiatorType).map(e => e.name)")
        assert len(asked) >= 5
        return [address for address in asked if not address.startswith(self.url + "/")]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        missing = "chromedriver" if program else "Chromium or Chrome"
        pytest.fail(f"no {missing} on PATH: install chromium and chromium-driver, or leave out the mark `browser`")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    profile: Path = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS.split(), f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # With a path of its own the service looks for no driver to download.
    with webdriver.Chrome(options, Service(driver)) as chrome:
        yield chrome


@pytest.fixture
def page(browser: webdriver.Chrome) -> Iterator[Page]:
    yield Page(browser)
    # Nothing of the page may run on when its server is gone.
    browser.get("about:blank")


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_browser_lists_the_operations(sandbox: Sandbox, page: Page, spec: dict[str, Any], path: str) -> None:
    with sandbox.serve() as url:
        page.open(url, path)
        shown = page.until(page.operations)
        # Under the heading of each tag.
        expected = [
            [method.upper(), path, operation["summary"]]
            for tag in spec["tags"]
            for path, item in spec["paths"].items()
            for method, operation in item.items()
            if operation["tags"] == [tag["name"]]
        ]
        assert len(expected) == 18
        assert [text.split("\n") for text in shown] == expected
        assert page.count().startswith("None yet.")
        assert not page.driver.find_element(By.ID, "ask").is_displayed()
        assert url in page.text("#code")
        assert page.elsewhere() == []
        assert page.log() == []


@pytest.mark.browser
def test_browser_tries_calls(sandbox: Sandbox, page: Page, spec: dict[str, Any]) -> None:
    examples = spec["paths"][V1]["post"]["requestBody"]["content"]["application/json"]["examples"]
    example = next(iter(examples.values()))["value"]
    with sandbox.serve() as url:
        page.open(url)
        assert page.rows() == []
        assert page.execute("create_conversation_meta_v1") == "200"
        (row,) = page.until(page.rows)
        assert row[:5] == ["v1", '"group_123"', example["name"], "group_chat", "work, technical"]
        assert page.count() == "1 in all, the newest first."
        assert page.execute("get_conversation_meta_v1") == "200"
        operations = [request.operation for request in sandbox.requests]
        assert operations == ["create_conversation_meta_v1", "get_conversation_meta_v1"]
        assert sandbox.requests[0].body == example
        assert sandbox.requests[1].target == f"{V1}?group_id=group_123"
        assert page.elsewhere() == []
        assert page.log() == []


@pytest.mark.browser
def test_browser_shows_the_records(sandbox: Sandbox, page: Page) -> None:
    store(sandbox, name="Default", scene="assistant")
    store(sandbox, "", name="L" * 5000, tags=["work", "technical"])
    with sandbox.serve() as url:
        page.open(url)
        (other, default) = page.rows()
        assert other[:2] == ["v1", '""']
        assert other[2] == "L" * 119 + "…"
        assert other[3:5] == ["group_chat", "work, technical"]
        assert default[:4] == ["v1", "default record", "Default", "assistant"]
        marked = page.driver.find_elements(By.CSS_SELECTOR, "#records tr.default")
        assert [row.text.split()[1] for row in marked] == ["default"]
        page.click("#records tbody button")
        assert json.loads(page.text("#records pre"))["name"] == "L" * 5000
        # What is open stays open, and what is new comes in.
        store(sandbox, "new")
        page.click("#refresh")
        page.until(lambda: len(page.rows()) == 3)
        assert [row[6] for row in page.rows()] == ["show", "hide", "show"]
        assert json.loads(page.text("#records pre"))["group_id"] == ""
        page.click("#records tbody tr:nth-child(3) button")
        assert page.driver.find_elements(By.CSS_SELECTOR, "#records pre") == []
        assert page.log() == []


@pytest.mark.browser
def test_browser_shows_the_newest_hundred(sandbox: Sandbox, page: Page) -> None:
    for number in range(102):
        store(sandbox, f"g{number}")
    with sandbox.serve() as url:
        page.open(url)
        assert page.count() == "102 in all, the newest 100 are shown."
        assert [row[1] for row in page.rows()] == [f'"g{number}"' for number in range(101, 1, -1)]


@pytest.mark.browser
def test_browser_takes_records_as_text(sandbox: Sandbox, page: Page) -> None:
    hostile = "<img src=x onerror=\"document.title='ran'\"><script>document.title='ran'</script>"
    store(sandbox, hostile, name=hostile, tags=[hostile], description=hostile, scene_desc={hostile: hostile})
    with sandbox.serve() as url:
        page.open(url)
        page.click("#records tbody button")
        (row,) = page.rows()
        assert row[1:3] == [json.dumps(hostile), hostile]
        assert row[4] == hostile
        assert json.loads(page.text("#records pre"))["scene_desc"] == {hostile: hostile}
        assert page.driver.find_elements(By.CSS_SELECTOR, "#records img, #records script") == []
        page.execute("get_conversation_meta_v0")
        assert page.driver.title == "EverMemOS sandbox"
        assert page.elsewhere() == []


@pytest.mark.browser
def test_browser_runs_no_foreign_script(sandbox: Sandbox, page: Page) -> None:
    """Were a value ever taken as HTML, the policy would still keep its script from running."""
    with sandbox.serve() as url:
        page.open(url)
        page.until(page.operations)
        page.script(
            "document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\" onerror=\"document.title=1\">')"
        )
        blocked = page.until(page.log)
        assert any("Content Security Policy" in message for message in blocked)
        assert page.driver.title == "EverMemOS sandbox"


@pytest.mark.browser
def test_browser_asks_for_the_key(page: Page) -> None:
    """Entered for the records, it serves the calls that are tried out too."""
    sandbox = Sandbox(api_key="sesame")
    store(sandbox, "g")
    with sandbox.serve() as url:
        page.open(url)
        page.until(page.operations)
        assert page.count() == "The records cannot be read: the sandbox asks for a key."
        assert 'api_key="<the key>"' in page.text("#code")
        page.type("#key", "wrong\n")
        page.until(lambda: page.count() == "The records cannot be read: this is not its key.")
        assert page.rows() == []
        page.type("#key", "sesame\n")
        page.until(page.rows)
        assert not page.driver.find_element(By.ID, "ask").is_displayed()
        assert page.execute("get_conversation_meta_v0") == "404"
        assert sandbox.requests[-1].operation == "get_conversation_meta_v0"
        # The browser reports each answer that is an error.
        refused = f"{url}/sandbox/records - Failed to load resource: the server responded with a status of 401"
        missing = f"{url}{V0}?group_id=group_123 - Failed to load resource: the server responded with a status of 404"
        assert [message.partition(" (")[0] for message in page.log()] == [refused, refused, missing]
        assert page.elsewhere() == []


@pytest.mark.browser
def test_browser_takes_the_key_from_the_reference(page: Page) -> None:
    sandbox = Sandbox(api_key="sesame")
    with sandbox.serve() as url:
        page.open(url)
        assert page.execute("create_conversation_meta_v1").startswith("401")
        page.click("#swagger .btn.authorize")
        page.type("#swagger .auth-container input", "sesame")
        page.click("#swagger .auth-btn-wrapper .authorize")
        page.click("#swagger .auth-btn-wrapper .btn-done")
        assert page.rows() == []
        page.click("#operations-conversation-meta-create_conversation_meta_v1 .execute")
        assert [row[1] for row in page.until(page.rows)] == ['"group_123"']
        assert not page.driver.find_element(By.ID, "ask").is_displayed()


@pytest.mark.browser
def test_browser_shows_everything_in_a_narrow_window(sandbox: Sandbox, page: Page) -> None:
    store(sandbox, "g" * 500, name="n" * 500, tags=["tag"] * 100, description="d" * 5000)
    store(sandbox)
    # A window cannot be made this narrow.
    narrow = {"width": 420, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    try:
        with sandbox.serve() as url:
            page.open(url)
            page.click("#records tbody tr:nth-child(3) button")
            assert page.execute("create_conversation_meta_v1") == "200"
            page.until(lambda: len(page.rows()) == 3)
            window, content, table = page.script(
                "return [innerWidth, document.documentElement.scrollWidth,"
                " document.getElementById('records').getBoundingClientRect().right]"
            )
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert window == 420
    assert content <= window
    assert table <= window


@pytest.mark.browser
def test_browser_works_under_a_path(sandbox: Sandbox, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "asgi", mounted(sandbox, "/memory"))
    with sandbox.serve() as url:
        page.open(f"{url}/memory")
        assert f'base_url="{url}/memory"' in page.text("#code")
        assert page.execute("create_conversation_meta_v1") == "200"
        page.until(page.rows)
        assert [request.target for request in sandbox.requests] == [V1]
        assert page.elsewhere() == []
        assert page.log() == []


@pytest.mark.browser
def test_browser_without_swagger_ui_shows_records(
    sandbox: Sandbox, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_swagger_ui(monkeypatch)
    store(sandbox, "g")
    with sandbox.serve() as url:
        page.open(url)
        assert page.text("#swagger") == f"The API reference needs {MISSING}"
        assert [row[1] for row in page.rows()] == ['"g"']


@pytest.mark.browser
def test_browser_when_the_sandbox_is_gone(sandbox: Sandbox, page: Page) -> None:
    store(sandbox, "g")
    with sandbox.serve() as url:
        page.open(url)
        assert len(page.rows()) == 1
    page.click("#refresh")
    page.until(lambda: page.count().startswith("The records cannot be read: "))
    assert page.rows() == []
