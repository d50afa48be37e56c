"""Where App mode has its widgets, and where those take a file of the user's."""

ITEM = '[data-testid="app-mode-widget-item"]'
UPLOADS = f'{ITEM} input[type="file"][aria-label="Upload"]'
