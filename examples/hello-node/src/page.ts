import { html } from 'hono/html'

/** The page: what this container knows about itself. */
export function page(facts: Readonly<Record<string, string>>) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Hello from a container</title>
        <style>
          :root {
            color-scheme: light dark;
          }
          body {
            font:
              1.05rem/1.6 system-ui,
              sans-serif;
            max-width: 40rem;
            margin: 12vh auto;
            padding: 0 1.5rem;
          }
          dl {
            display: grid;
            grid-template-columns: max-content 1fr;
            gap: 0.4rem 1.5rem;
          }
          dt {
            opacity: 0.65;
          }
          dd {
            margin: 0;
            font-family: ui-monospace, monospace;
            overflow-wrap: anywhere;
          }
        </style>
      </head>
      <body>
        <h1>Hello from a container</h1>
        <p>This page was built, shipped and run by Gantry. What the container knows about itself:</p>
        <dl>
          ${Object.entries(facts).map(
            ([name, value]) =>
              html`<dt>${name}</dt>
                <dd>${value}</dd>`,
          )}
        </dl>
      </body>
    </html>`
}
