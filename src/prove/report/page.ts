import { createHash } from 'node:crypto'
import type { Verdict } from '../../ledger/evidence.ts'

/**
 * One self-contained page: no script, no request to anywhere, so that it can be mailed, archived and opened in ten years.
 * @param parts.title plain text; the others are HTML whose every text from outside went through `text`.
 */
export function page(parts: { title: string; header: string; main: string; footer: string }): string {
  const digest = createHash('sha256').update(style).digest('base64')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${digest}'">
<title>${text(parts.title)}</title>
<style>${style}</style>
</head>
<body>
<header>
${parts.header}
</header>
<main>
${parts.main}
</main>
<footer>${parts.footer}</footer>
</body>
</html>
`
}

export function mark(verdict: Verdict): string {
  return `<span class="mark ${verdict}">${verdict}</span>`
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** A text as it may stand in a page. */
export function text(value: string): string {
  return value.replace(/[&<>"']/g, (character) => escapes[character] ?? character)
}

const style = `
:root { color-scheme: light dark; --ink: light-dark(#1a2230, #e6e9ef); --soft: light-dark(#5b6575, #9aa5b5); --line: light-dark(#dfe3ea, #2c3441); --page: light-dark(#fff, #11161f);
  --proven: light-dark(#0a7a45, #4cc38a); --refuted: light-dark(#c0262d, #ff7b72); --inconclusive: light-dark(#9a6700, #e3b341); --stale: light-dark(#9a6700, #e3b341); --unproven: var(--soft); }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.5rem 4rem; color: var(--ink); background: var(--page); font: 15px/1.5 system-ui, sans-serif }
h1 { margin: 0; font-size: 2rem } h2 { margin: 2.5rem 0 .75rem; font-size: 1.25rem } h3 { margin: 0 0 .25rem; font-size: 1rem }
.kind, .facts, small, li span { color: var(--soft) } .kind { margin: 0; text-transform: uppercase; letter-spacing: .08em; font-size: .8rem }
.counts { display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; list-style: none } .counts li { padding: .4rem .9rem; border: 1px solid var(--line); border-radius: .5rem; border-left: 4px solid currentColor }
.counts b { font-size: 1.3rem; margin-right: .2rem }
.proven { color: var(--proven) } .refuted { color: var(--refuted) } .inconclusive { color: var(--inconclusive) } .stale { color: var(--stale) } .unproven { color: var(--unproven) }
.wide { overflow-x: auto } table { width: 100%; border-collapse: collapse } th, td { padding: .5rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
th { color: var(--soft); font-weight: 600; font-size: .85rem } .figure { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
a { color: inherit; text-decoration-color: var(--line); text-underline-offset: 3px } code { color: var(--soft); font-size: .85em }
.mark { display: inline-block; min-width: 5.5rem; font-weight: 600 } section { padding: 1rem 0; border-top: 1px solid var(--line) }
section p { margin: .25rem 0 } ol { margin: .5rem 0; padding-left: 1.4rem } .failed { color: var(--refuted) } .untried { padding-left: 1.2rem } .untried li { margin: .25rem 0 }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem }
@media print { section { break-inside: avoid } }
`
