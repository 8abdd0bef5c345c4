import { recoveryFaults } from './faults.ts'
import { buildScene } from './scene.ts'

/** What a fault came to when it was carried out. */
export interface FaultResult {
  title: string
  command: string
  /** What the person sees: the code of the error, or its words. */
  says: string
  exit: number
  /** The advice that was printed. */
  next: string
  /** In the words of the matrix. */
  changed: string
  /** What is wrong with the result; empty when it is as it must be. */
  troubles: string[]
}

/** Carries out every fault on a copy of a sound repository, by the command a person would give. */
export async function carryOutFaults(): Promise<FaultResult[]> {
  const scene = await buildScene()
  const results: FaultResult[] = []
  try {
    for (const fault of recoveryFaults) {
      const damaged = await scene.copy()
      const { argv, undo } = await fault.prepare(damaged, scene)
      const before = await damaged.state()
      const printed = await damaged.aval(...argv)
      const after = await damaged.state()
      await undo?.()
      const text = `${printed.err}${printed.out}`
      const [, code = ''] = /^([A-Z][A-Z0-9_]+): /m.exec(printed.err) ?? []
      const [, next = ''] = /^[A-Z][A-Z0-9_]+: .*\n {2}(.*)$/m.exec(printed.err) ?? []
      const troubles = [
        ...(code === fault.code || (code === '' && text.includes(fault.code)) ? [] : [`says ${text.trim()}`]),
        ...(printed.code === fault.exit ? [] : [`exits with ${printed.code}`]),
        ...(before === after || fault.mayChange !== undefined ? [] : ['changed what it should have left']),
        ...(/\n\s+at /.test(text) ? ['shows a stack'] : []),
        ...(code !== '' && next === '' ? ['does not say what to do next'] : []),
      ]
      results.push({
        title: fault.title,
        command: fault.command,
        says: code === '' ? fault.code : code,
        exit: printed.code,
        next,
        changed: fault.mayChange ?? 'nothing',
        troubles,
      })
    }
  } finally {
    await scene.remove()
  }
  return results
}

/** The results as a table of docs/recovery.md. */
export function faultTable(results: readonly FaultResult[]): string {
  const rows = results.map(
    ({ title, command, says, exit, changed }) =>
      `| ${title} | \`${command}\` | ${/^[A-Z_]+$/.test(says) ? `[${says}](errors.md#${says.toLowerCase()})` : `"${says}"`} | ${exit} | ${changed} |`,
  )
  return [
    '| what is wrong | command | it says | exit | it may have changed |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

/** Replaces the table between its marks. */
export function withTable(document: string, table: string): string {
  const [begin, end] = ['<!-- faults: made by test/recovery-faults.test.ts -->', '<!-- end of faults -->']
  const [from, to] = [document.indexOf(begin), document.indexOf(end)]
  if (from < 0 || to < from) throw new Error('docs/recovery.md lacks the marks of its table')
  return `${document.slice(0, from + begin.length)}\n${table}\n${document.slice(to)}`
}
