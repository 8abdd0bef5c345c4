/**
 * SQL that changes a function of schema public from what it is in the database now, so that a break stays one while the
 * function grows. Fails when a part to replace is not there: a mutant that changes nothing would prove nothing.
 */
export function rewriteFunction(name: string, replacements: readonly { part: string; by: string }[]): string {
  const steps = replacements.map(
    ({ part, by }) => `
  after := replace(before, ${literal(part)}, ${literal(by)});
  IF after = before THEN
    RAISE EXCEPTION 'The mutation changes nothing: % does not hold %', ${literal(name)}, ${literal(part)};
  END IF;
  before := after;`,
  )
  return `DO $rewrite$
DECLARE
  before text;
  after text;
BEGIN
  SELECT pg_catalog.pg_get_functiondef(p.oid) INTO STRICT before
    FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace AND p.proname = ${literal(name)};
${steps.join('\n')}
  EXECUTE after;
END
$rewrite$`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
