import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOrFail } from '../../process.ts'
import type { ProofSession } from '../prover.ts'
import { makeOperator, type Operator } from '../recovery/operator.ts'

/**
 * Writes the operator's `./aval`. Two commands end otherwise than at a desk: `up`, which runs until Ctrl-C, gets it once the system serves, in a
 * project beside this one; and `prove`, which is a proof of its own, is only asked whether its options stand and promises begin with what it names.
 */
export async function writeProgram(session: ProofSession, operator: Operator): Promise<void> {
  const beside = await makeOperator({ system: session.system, root: join(session.scratch.directory, 'beside') })
  const call = operator.program.map(quoted).join(' ')
  const file = join(operator.project.root, 'aval')
  await writeFile(
    file,
    `#!/usr/bin/env bash
case "$1" in
  prove) shift; exec ${call} guarantees "$@" ;;
  up)
    shift
    cd ${quoted(beside.project.root)}
    set -m
    ${call} up "$@" --scratch &
    for _ in $(seq 600); do
      [ -f ${quoted(join(beside.directory, 'run.json'))} ] && break
      kill -0 $! 2>/dev/null || break
      sleep 0.1
    done
    kill -INT $! 2>/dev/null
    wait $!
    ;;
  *) exec ${call} "$@" ;;
esac
`,
  )
  await chmod(file, 0o755)
}

/** The operator's project under version control with a release and the one before, as runbooks look for what changed. */
export async function historyIn(root: string): Promise<void> {
  const git = (...args: string[]) =>
    runOrFail({
      program: 'git',
      args: ['-c', 'user.name=operator', '-c', 'user.email=operator@localhost', ...args],
      cwd: root,
    })
  await git('init', '-q', '-b', 'main')
  for (const release of ['one release', 'the next release'])
    await git('commit', '-q', '--allow-empty', '--no-gpg-sign', '-m', release)
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
