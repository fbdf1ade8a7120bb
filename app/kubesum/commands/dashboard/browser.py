"""Opens the page in the user's browser, if there is one."""

import threading
import webbrowser

from kubesum.commands.messages import print_dashboard


def open_and_print(url: str) -> None:
    """Prints the address, and opens it; a machine without a browser is no error."""
    print_dashboard(url)
    # A browser on a terminal, such as w3m, would take over this one and run no script; starting one may take long.
    threading.Thread(target=_open, args=(url,), name="browser", daemon=True).start()


def _open(url: str) -> None:
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    if not isinstance(browser, webbrowser.GenericBrowser) or isinstance(browser, webbrowser.BackgroundBrowser):
        browser.open(url)
