import type { Rule } from '../rule.ts'

/** Programs whose first argument that is not an option is the file they run. */
const interpreters = new Set(['node', 'python', 'python3', 'sh', 'bash', 'deno', 'bun', 'ruby'])

export const commandFile: Rule = {
  id: 'command-file',
  severity: 'error',
  summary: 'The file that starts a service is there.',
  check: ({ plan, folder }) =>
    Object.entries(plan.services).flatMap(([name, service]) => {
      if (!('command' in service)) return []
      const index = fileIndex(service.command)
      const file = index === undefined ? undefined : service.command[index]
      if (index === undefined || file === undefined || folder.hasFile(file)) return []
      return [
        {
          path: ['services', name, 'command', index],
          message: `${name} cannot start: "${file}" is not there.`,
          fix: 'Write the file, or correct its path; commands run in the folder of the plan.',
        },
      ]
    }),
}

function fileIndex([program = '', ...args]: readonly string[]): number | undefined {
  if (program.startsWith('.')) return 0
  if (!interpreters.has(program)) return undefined
  const index = args.findIndex((argument) => !argument.startsWith('-'))
  const file = args[index]
  return file !== undefined && /\.\w+$/.test(file) ? index + 1 : undefined
}
