import { createHash } from 'node:crypto'
import type { Evidence, Verdict } from '../../ledger/evidence.ts'
import { formatMeasured, formatSample, formatScale, formatTarget, formatTime, readableMs } from './figures.ts'
import { countVerdicts, type Proof, verdictOrder } from './proof.ts'

/** What the report is about. */
export interface ReportSubject {
  system: string
  title: string
  documents: Readonly<Record<string, string>>
  /** RFC 3339, UTC. */
  at: string
  tookMs: number
  effort: string
  seed: number
  commit: string | null
}

/**
 * One self-contained page: no script, no request to anywhere, so that it can be mailed, archived and opened in ten years.
 * Every text from outside is escaped.
 */
export function htmlReport(subject: ReportSubject, proofs: readonly Proof[]): string {
  const counts = countVerdicts(proofs)
  const ordered = [...proofs].sort((a, b) => verdictOrder.indexOf(a.verdict) - verdictOrder.indexOf(b.verdict))
  const tried = ordered.filter((proof) => proof.evidence !== undefined)
  const untried = ordered.filter((proof) => proof.evidence === undefined)
  const digest = createHash('sha256').update(style).digest('base64')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${digest}'">
<title>${text(subject.title)}: what was promised and what was proven</title>
<style>${style}</style>
</head>
<body>
<header>
<p class="kind">Aval report</p>
<h1>${text(subject.title)}</h1>
<p class="facts">${text(subject.at.replace('T', ' ').replace(/\.\d+Z$/, ' UTC'))} · ${text(readableMs(subject.tookMs))} · ${text(subject.effort)} effort · seed ${subject.seed}${subject.commit === null ? '' : ` · commit ${text(subject.commit.slice(0, 12))}`}</p>
<ul class="counts">${(['proven', 'refuted', 'inconclusive', 'stale', 'unproven'] as const).map((verdict) => `<li class="${verdict}"><b>${counts[verdict]}</b> ${verdict}</li>`).join('')}</ul>
</header>
<main>
<h2>What was tried</h2>
${
  tried.length === 0
    ? '<p>Nothing yet.</p>'
    : `<div class="wide"><table>
<thead><tr><th>Verdict</th><th>Promise</th><th class="figure">Target</th><th class="figure">Measured</th><th class="figure">Sample</th><th class="figure">Scale</th><th class="figure">Time</th></tr></thead>
<tbody>${tried.map(row).join('')}</tbody></table></div>`
}
<h2>How it was tried</h2>
${tried.map(detail).join('')}
<h2>What nothing proves yet</h2>
<p>These promises stand in the plan and were never carried out. They are not broken; nobody knows.</p>
<ul class="untried">${untried.map(({ guarantee }) => `<li><code>${text(guarantee.id)}</code> ${text(guarantee.claim)}${cited(guarantee.source, guarantee.requirements)}</li>`).join('')}</ul>
</main>
<footer><p>Sources: ${Object.entries(subject.documents)
    .map(([code, title]) => `<b>${text(code)}</b> ${text(title)}`)
    .join(' · ')}</p>
<p>A verdict is read from the ledger and nowhere else. <code>aval ledger verify</code> shows whether anybody changed it.</p></footer>
</body>
</html>
`
}

function row({ guarantee, verdict, evidence, fresh }: Proof): string {
  const anchor = guarantee.id.replaceAll('/', '-')
  return `<tr><td>${mark(verdict)}</td><td><a href="#${text(anchor)}">${text(guarantee.claim)}</a><br><code>${text(guarantee.id)}</code>${fresh ? '' : ' <small>from an earlier run</small>'}</td><td class="figure">${text(formatTarget(guarantee.target))}</td><td class="figure">${text(formatMeasured(evidence))}</td><td class="figure">${text(formatSample(evidence))}</td><td class="figure">${text(formatScale(evidence))}</td><td class="figure">${text(formatTime(evidence))}</td></tr>`
}

function detail({ guarantee, verdict, evidence }: Proof): string {
  if (evidence === undefined) return ''
  return `<section id="${text(guarantee.id.replaceAll('/', '-'))}"><h3>${mark(verdict)} ${text(guarantee.claim)}</h3>
<p>${text(evidence.reason)}.${evidence.remedy === null ? '' : ` <b>Next:</b> ${text(evidence.remedy)}.`}${cited(guarantee.source, guarantee.requirements)}</p>
<ol>${evidence.steps.map(step).join('')}</ol>
<p class="facts">${text(evidence.startedAt)} · ${evidence.sample.size} ${text(evidence.sample.of)} · ${Object.entries(
    evidence.environment,
  )
    .map(([name, value]) => `${text(name)} ${text(value)}`)
    .join(' · ')} · evidence ${text(evidence.id)}</p></section>`
}

function step({ name, outcome, tookMs, detail }: Evidence['steps'][number]): string {
  const failed = outcome === 'failed' ? ' class="failed"' : ''
  return `<li${failed}>${text(name)} <small>${text(readableMs(tookMs))}</small>${detail === undefined ? '' : `<br><span>${text(detail)}</span>`}</li>`
}

function cited(source: string | undefined, requirements: readonly string[]): string {
  const parts = [...(source === undefined ? [] : [source]), ...requirements]
  return parts.length === 0 ? '' : ` <small>${text(parts.join(' · '))}</small>`
}

function mark(verdict: Verdict): string {
  return `<span class="mark ${verdict}">${verdict}</span>`
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function text(value: string): string {
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
