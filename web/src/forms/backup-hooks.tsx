import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Field, Input, Textarea } from '~/ui/field'
import { type DraftFields, SwitchedPart } from './backup-retention'

const t = texts('backup_settings')

/** What Minecraft writes its world by. */
const MINECRAFT = {
  before: 'save-off\nsave-all flush',
  after: 'save-on',
  ready: 'Saved the game',
}

/** What is typed into a running game around a backup. */
export function BackupHooksFields({ draft, errors, off, onChange }: DraftFields) {
  const lines = (name: 'before' | 'after', placeholder: string) => (
    <Field label={t(`hooks.${name}`)} help={t(`hooks.${name}_help`)} error={errors[`hooks.${name}`]}>
      {(ids) => (
        <Textarea
          {...ids}
          rows={3}
          className="mono text-12!"
          spellCheck={false}
          autoCapitalize="none"
          placeholder={placeholder}
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
    >
      <div className="grid grid-cols-2 items-start gap-4 max-sm:grid-cols-1">
        {lines('before', MINECRAFT.before)}
        {lines('after', MINECRAFT.after)}
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
              placeholder={MINECRAFT.ready}
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
      {off === false && (
        <div>
          <Button size="sm" onClick={() => onChange(MINECRAFT)}>
            {t('hooks.minecraft')}
          </Button>
        </div>
      )}
    </SwitchedPart>
  )
}
