/** What only another database understands, and which one. */
const signs: readonly { dialect: string; pattern: RegExp }[] = [
  {
    dialect: 'MySQL',
    pattern:
      /\bENGINE\s*=\s*\w+|\bAUTO_INCREMENT\b|\bDEFAULT\s+CHARSET\b|\bUNSIGNED\b|\bON\s+UPDATE\s+CURRENT_TIMESTAMP\b/i,
  },
  { dialect: 'SQLite', pattern: /\bAUTOINCREMENT\b|^\s*PRAGMA\s+\w+|\bWITHOUT\s+ROWID\b/im },
  {
    dialect: 'SQL Server',
    pattern: /\bNVARCHAR\s*\(\s*MAX\s*\)|\bIDENTITY\s*\(\s*\d+\s*,\s*\d+\s*\)|^\s*GO\s*$|\[dbo\]/im,
  },
  { dialect: 'MySQL or SQLite', pattern: /`[^`\n]+`/ },
]

/**
 * Tells which database a text is written for that Postgres could not read.
 * @returns undefined where nothing gives another one away
 */
export function otherDialect(sql: string): { dialect: string; sign: string; at: number } | undefined {
  const bare = withoutText(sql)
  for (const { dialect, pattern } of signs) {
    const found = pattern.exec(bare)
    if (found !== null) return { dialect, sign: found[0].trim(), at: found.index + found[0].search(/\S/) }
  }
  return undefined
}

/** Comments and literals may speak of anything; they become blank, so that places stay. */
function withoutText(sql: string): string {
  return sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|\$(\w*)\$[\s\S]*?\$\1\$/g, (text) =>
    text.replace(/[^\n]/g, ' '),
  )
}
