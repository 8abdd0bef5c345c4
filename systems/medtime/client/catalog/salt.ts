/**
 * Words that tell which salt or form of a substance is meant. Who looks for a medicine may leave them out; a name that is made
 * of nothing else, such as sodium chloride, is taken as it stands.
 */
const salts = new Set(
  (
    'hydrochloride clorhidrato hidrocloruro cloridrato hcl dihydrochloride diclorhidrato monohydrochloride ' +
    'hydrobromide bromhidrato bromidrato sodium sodio sodico sodica disodium disodico potassium potasio potasico potassico ' +
    'potasica calcium calcio calcico calcica magnesium magnesio magnesico sulfate sulphate sulfato bisulfate hemisulfate ' +
    'phosphate fosfato diphosphate acetate acetato maleate maleato mesylate mesilato mesilate besylate besilato besilate ' +
    'tosylate tosilato tartrate tartrato bitartrate bitartrato fumarate fumarato hemifumarate succinate succinato ' +
    'hydrogen citrate citrato malate malato lactate lactato gluconate gluconato nitrate nitrato bromide bromuro brometo ' +
    'chloride cloruro cloreto iodide yoduro iodeto monohydrate monohidrato dihydrate dihidrato trihydrate trihidrato ' +
    'hemihydrate anhydrous anhidro anidro medoxomil pamoate pamoato embonate embonato tromethamine trometamol trometamina ' +
    'meglumine meglumina erbumine erbumina arginine arginina lysine lisina ethanolate edisylate hyclate hiclato magnesica ' +
    'axetil proxetil pivoxil disoproxil etexilate etexilato cilexetil propionate propionato dipropionate dipropionato ' +
    'valerate valerato furoate furoato decanoate decanoato enanthate enantato palmitate palmitato xinafoate xinafoato ' +
    'oxalate oxalato hydroxide hidroxido carbonate carbonato bicarbonate bicarbonato strontium base'
  ).split(' '),
)
const joining = new Set('de del la el los las y e o con com and with of the do da dos das para for'.split(' '))

/** Words that a medicine is recognised by; all of them when every word is a salt or a joining word. */
export function significantWords(words: readonly string[]): string[] {
  const significant = words.filter((word) => !salts.has(word) && !joining.has(word))
  if (significant.length > 0) return significant
  const kept = words.filter((word) => !joining.has(word))
  return kept.length > 0 ? kept : [...words]
}
