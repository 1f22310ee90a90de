import { WandSparkles } from 'lucide-react'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Field, Input, Textarea } from '~/ui/field'
import { type GameHooks, hooksOf } from '~/util/game-hooks'
import { type DraftFields, SwitchedPart } from './backup-retention'

const t = texts('backup_settings')

/** The lines of a game as they are typed. */
const typed = ({ before, after, ready }: GameHooks) => ({
  before: before.join('\n'),
  after: after.join('\n'),
  ready,
})

/** What is typed into a running game around a backup; known games are offered what theirs takes. */
export function BackupHooksFields({ draft, errors, off, egg, onChange }: DraftFields & { egg: string }) {
  const known = hooksOf(egg)
  const fill = known && typed(known)
  const filled =
    fill !== undefined &&
    draft.before.trim() === fill.before &&
    draft.after.trim() === fill.after &&
    draft.ready.trim() === fill.ready
  const offered = known && off === false && !(draft.hooks && filled)
  const lines = (name: 'before' | 'after') => (
    <Field label={t(`hooks.${name}`)} help={t(`hooks.${name}_help`)} error={errors[`hooks.${name}`]}>
      {(ids) => (
        <Textarea
          {...ids}
          rows={3}
          className="mono text-12!"
          spellCheck={false}
          autoCapitalize="none"
          placeholder={fill?.[name]}
          disabled={off !== false}
          value={draft[name]}
          onChange={(event) => onChange({ [name]: event.target.value })}
        />
      )}
    </Field>
  )
  return (
    <SwitchedPart
      title={t('hooks')}
      note={t('hooks.note')}
      on={draft.hooks}
      off={off}
      onSwitch={(hooks) => onChange({ hooks })}
      offer={offered && <Offer game={known} onTake={() => onChange({ hooks: true, ...fill })} />}
    >
      <div className="grid grid-cols-2 items-start gap-4 max-sm:grid-cols-1">
        {lines('before')}
        {lines('after')}
        <Field
          label={t('hooks.ready')}
          note={t('optional')}
          help={t('hooks.ready_help')}
          error={errors['hooks.ready']}
        >
          {(ids) => (
            <Input
              {...ids}
              code
              maxLength={200}
              autoComplete="off"
              spellCheck={false}
              placeholder={fill?.ready}
              disabled={off !== false}
              value={draft.ready}
              onChange={(event) => onChange({ ready: event.target.value })}
            />
          )}
        </Field>
        <Field
          label={t('hooks.wait')}
          note={t('optional')}
          help={t('hooks.wait_help')}
          error={errors['hooks.wait_s']}
        >
          {(ids) => (
            <Input
              {...ids}
              className="num"
              inputMode="numeric"
              autoComplete="off"
              maxLength={3}
              placeholder="30"
              disabled={off !== false}
              value={draft.wait}
              onChange={(event) => onChange({ wait: event.target.value })}
            />
          )}
        </Field>
      </div>
    </SwitchedPart>
  )
}

/** One press, and the lines of the game are there; nothing is saved by it. */
function Offer({ game, onTake }: { game: GameHooks; onTake: () => void }) {
  return (
    <div className="mt-3 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-box border border-line-2 bg-surface-2 px-3 py-2.5">
      <WandSparkles aria-hidden="true" size={16} strokeWidth={1.75} className="shrink-0 text-t3" />
      <div className="min-w-0 flex-1 basis-60">
        <p className="text-t1">{t('hooks.offer', { game: game.game })}</p>
        <p className="mono text-12 text-t3 [overflow-wrap:anywhere]">
          {[...game.before, `“${game.ready}”`, ...game.after].join(' → ')}
        </p>
      </div>
      <Button size="sm" className="max-sm:w-full" onClick={onTake}>
        {t('hooks.take')}
      </Button>
    </div>
  )
}
