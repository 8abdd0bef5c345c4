import { levelOf, type ProofsOfSystem, sayProof } from './proofs-of-system.ts'

/**
 * JUnit's XML as CI servers read it: a suite a system, a case a promise. Refuted is a failure; what could not be judged is an error, since a skipped case
 * would pass for harmless.
 */
export function proofsAsJunit(systems: readonly ProofsOfSystem[]): string {
  const suites = systems.map(({ system, proofs, placeOf }) => {
    const cases = proofs.map((proof) => {
      const { guarantee, verdict, evidence } = proof
      const { file, line } = placeOf(proof)
      const level = levelOf[verdict]
      const open = `    <testcase${attributes({
        classname: `${system}.${guarantee.kind}`,
        name: guarantee.id,
        file,
        line,
        time: (evidence?.tookMs ?? 0) / 1000,
      })}`
      if (level === 'pass') return `${open}/>`
      const element = level === 'error' ? 'failure' : 'error'
      const message = evidence?.reason ?? 'not tried'
      return `${open}>\n      <${element}${attributes({ type: verdict, message })}>${escaped(sayProof(proof))}</${element}>\n    </testcase>`
    })
    const count = (level: 'error' | 'warning') => proofs.filter(({ verdict }) => levelOf[verdict] === level).length
    const totals = attributes({
      name: system,
      tests: proofs.length,
      failures: count('error'),
      errors: count('warning'),
      time: proofs.reduce((sum, { evidence }) => sum + (evidence?.tookMs ?? 0), 0) / 1000,
    })
    return [`  <testsuite${totals}>`, ...cases, '  </testsuite>'].join('\n')
  })
  return `${['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites name="aval">', ...suites, '</testsuites>'].join('\n')}\n`
}

function attributes(values: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join('')
}

/** Text for an element or an attribute in double quotes. Characters that XML 1.0 cannot hold become U+FFFD. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\u{fffd}')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\t', '&#9;')
    .replaceAll('\n', '&#10;')
    .replaceAll('\r', '&#13;')
}
