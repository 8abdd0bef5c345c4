import type { Evidence } from '../../ledger/evidence.ts'
import { readableMs } from '../../plan/readable-duration.ts'
import { formatMeasured, formatSample, formatScale, formatTarget, formatTime } from './figures.ts'
import { mark, page, text } from './page.ts'
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

/** The report of a run as one page. */
export function htmlReport(subject: ReportSubject, proofs: readonly Proof[]): string {
  const counts = countVerdicts(proofs)
  const ordered = [...proofs].sort((a, b) => verdictOrder.indexOf(a.verdict) - verdictOrder.indexOf(b.verdict))
  const tried = ordered.filter((proof) => proof.evidence !== undefined)
  const untried = ordered.filter((proof) => proof.evidence === undefined)
  return page({
    title: `${subject.title}: what was promised and what was proven`,
    header: `<p class="kind">Aval report</p>
<h1>${text(subject.title)}</h1>
<p class="facts">${text(subject.at.replace('T', ' ').replace(/\.\d+Z$/, ' UTC'))} · ${text(readableMs(subject.tookMs))} · ${text(subject.effort)} effort · seed ${subject.seed}${subject.commit === null ? '' : ` · commit ${text(subject.commit.slice(0, 12))}`}</p>
<ul class="counts">${(['proven', 'refuted', 'inconclusive', 'stale', 'unproven'] as const).map((verdict) => `<li class="${verdict}"><b>${counts[verdict]}</b> ${verdict}</li>`).join('')}</ul>`,
    main: `<h2>What was tried</h2>
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
<ul class="untried">${untried.map(({ guarantee }) => `<li><code>${text(guarantee.id)}</code> ${text(guarantee.claim)}${cited(guarantee.source, guarantee.requirements)}</li>`).join('')}</ul>`,
    footer: `<p>Sources: ${Object.entries(subject.documents)
      .map(([code, title]) => `<b>${text(code)}</b> ${text(title)}`)
      .join(' · ')}</p>
<p>A verdict is read from the ledger and nowhere else. <code>aval ledger verify</code> shows whether anybody changed it.</p>`,
  })
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
