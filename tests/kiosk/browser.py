"""A real Chromium in front of a real page server, in one event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from playwright.async_api import Browser, BrowserContext, Request, Route, async_playwright
from playwright.async_api import Page as Tab

from kiosk import visit_state as s
from kiosk.page.render import Panel
from kiosk.page.server import Page
from kiosk.view import screen

PORTRAIT = {"width": 1080, "height": 1920}
LANDSCAPE = {"width": 1920, "height": 1080}
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", headless=True, args=ARGS
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Shown:
    """The page on a screen; `kiosk` is what is shown, `pressed` what came back."""

    server: Page
    tab: Tab
    context: BrowserContext
    kiosk: s.Kiosk = field(default_factory=s.Kiosk)
    pressed: list[tuple[str, str]] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def show(self, kiosk: s.Kiosk, *, at: float = 100.0) -> None:
        """Show a state and wait until it stands there."""
        self.kiosk = kiosk
        wanted = screen(kiosk, at)
        self.server.show(wanted)
        root = (
            f'#screen[data-screen="{wanted.name}"][data-lang="{wanted.language}"]'
            f'[data-text="{wanted.text}"][data-look="{wanted.look}"][data-reach="{"on" if wanted.reach else "off"}"]'
        )
        await self.tab.wait_for_selector(root, state="attached")
        await self.tab.wait_for_function("title => document.title === title", arg=wanted.headline)
        if wanted.dialog:
            await self.tab.get_by_role("heading", name=wanted.dialog.title, exact=True).wait_for()
        else:
            await self.tab.wait_for_selector("#dialog", state="detached")
        for row in wanted.rows:
            await self.tab.wait_for_selector(f'[id="{row.key}"].{row.glyph}')

    async def wear(self, **comfort: object) -> None:
        await self.show(replace(self.kiosk, comfort=replace(self.kiosk.comfort, **comfort)))


@asynccontextmanager
async def shown(browser: Browser, size: dict[str, int] = PORTRAIT, **options: object) -> AsyncIterator[Shown]:
    """Serve the page and open it as the launcher would."""
    pressed: list[tuple[str, str]] = []
    server = Page("127.0.0.1", 0, Panel(), screen(s.Kiosk(), 0), lambda b, v: pressed.append((b, v)))
    serving = asyncio.create_task(server.serve())
    context = await browser.new_context(
        viewport=size, has_touch=True, **{"reduced_motion": "reduce", **options}
    )
    tab = await context.new_page()
    it = Shown(server, tab, context, pressed=pressed)

    async def only_here(route: Route, request: Request) -> None:
        if request.url.startswith("http://127.0.0.1:"):
            await route.continue_()
        else:
            it.elsewhere.append(request.url)
            await route.abort()

    await context.route("**/*", only_here)
    tab.on("console", lambda m: it.complaints.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: it.complaints.append(str(error)))
    try:
        await tab.goto(server.url)
        await tab.wait_for_selector("#screen")
        yield it
    finally:
        await context.close()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
