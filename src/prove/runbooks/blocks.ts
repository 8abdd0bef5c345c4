/** A fenced block of a runbook that holds commands. */
export interface Block {
  /** Line of its first command in the file, from 1. */
  line: number
  /** What a shell is given, or what the database is asked. */
  text: string
  language: 'sh' | 'sql'
  /** Role of the database that asks; the administrator where the fence names none. */
  role: string | undefined
  /** Needs somebody else's world, such as a store of apps or a domain: the fence says `elsewhere`. */
  elsewhere: boolean
  /** What the block is for and a healthy system has not: comments right before it, see `Given`. */
  given: Given | undefined
}

export interface Given {
  /** What the moment of the incident would tell, such as the name of a slot: `<!-- given: SLOT=a -->`. */
  variables: Readonly<Record<string, string>>
  /** Statements of the administrator that make it so, behind the variables; empty for none. */
  sql: string
  /** What a shell does first: `<!-- given sh: touch a -->`; empty for nothing. */
  shell: string
  /** The database is a restored copy, since what is done would leave the system unlike what it was: `<!-- given copy -->`. */
  copy: boolean
}

/**
 * The commands of a runbook, in its order: blocks fenced as `sh` or `sql`, also within lists. Words behind the language: `elsewhere`, and
 * for `sql` the role.
 */
export function blocksOf(markdown: string): Block[] {
  const lines = markdown.split('\n')
  const blocks: Block[] = []
  let given: Given | undefined
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const told = /^\s*<!--\s*given( sh| copy)?:?\s*(.*?)\s*-->\s*$/.exec(line)
    if (told) given = givenBy(given, told[1]?.trim(), told[2] ?? '')
    const fence = /^(\s*)```(sh|bash|sql)\b(.*)$/.exec(line)
    if (!fence) {
      if (!told && line.trim() !== '') given = undefined
      continue
    }
    const [, indent = '', language, behind = ''] = fence
    const end = lines.findIndex((each, index) => index > at && each.trim() === '```')
    const last = end < 0 ? lines.length : end
    const words = behind.trim().split(/\s+/).filter(Boolean)
    blocks.push({
      line: at + 2,
      text: lines
        .slice(at + 1, last)
        .map((each) => (each.startsWith(indent) ? each.slice(indent.length) : each.trimStart()))
        .join('\n'),
      language: language === 'sql' ? 'sql' : 'sh',
      role: words.find((word) => word !== 'elsewhere'),
      elsewhere: words.includes('elsewhere'),
      given,
    })
    given = undefined
    at = last
  }
  return blocks
}

const nothing: Given = { variables: {}, sql: '', shell: '', copy: false }

function givenBy(before: Given | undefined, what: string | undefined, text: string): Given {
  const so = before ?? nothing
  if (what === 'copy') return { ...so, copy: true }
  if (what === 'sh') return { ...so, shell: text }
  const [named = ''] = /^(?:[A-Z][A-Z0-9_]*=\S+\s*)*/.exec(text) ?? []
  const variables = Object.fromEntries(
    [...named.matchAll(/([A-Z][A-Z0-9_]*)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]),
  )
  return { ...so, variables, sql: text.slice(named.length) }
}

/** Variables that a block expects from whoever reads the runbook: used with no value of their own (`${PID:-0}`), and not set in the block. */
export function expectedVariables({ text, language }: Pick<Block, 'text' | 'language'>): string[] {
  if (language === 'sql') return []
  const set = new Set(
    [...text.matchAll(/(?:^|[\s;(])(?:for\s+(\w+)\s+in|(\w+)=)/gm)].map(([, loop, own]) => loop ?? own ?? ''),
  )
  const used = [...text.matchAll(/\$(?:([A-Z][A-Z0-9_]*)\b|\{([A-Z][A-Z0-9_]*)\})/g)].map(
    ([, plain, braced]) => plain ?? braced ?? '',
  )
  return [...new Set(used)].filter((name) => !set.has(name) && !text.includes(`\${${name}:-`))
}
