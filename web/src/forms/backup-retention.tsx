import type { ReactNode } from 'react'
import { texts } from '~/i18n/texts'
import { Switch } from '~/ui/bits'
import { Field, Input } from '~/ui/field'
import { type BackupDraft, RETENTION, RETENTION_MOST, retentionText } from '~/util/backup-settings'

const t = texts('backup_settings')

export interface DraftFields {
  draft: BackupDraft
  errors: Record<string, string | undefined>
  /** Why it can't be changed. */
  off: string | false
  onChange: (some: Partial<BackupDraft>) => void
}

/** A part of the settings that can be switched on. */
export function SwitchedPart({
  title,
  note,
  on,
  off,
  onSwitch,
  offer,
  children,
}: {
  title: string
  note: string
  on: boolean
  off: string | false
  onSwitch: (on: boolean) => void
  /** Shown whether it is on or not. */
  offer?: ReactNode
  children: ReactNode
}) {
  return (
    <fieldset className="min-w-0 border-t border-line pt-4">
      <legend className="sr-only">{title}</legend>
      <div className="flex items-start gap-3">
        <div className="min-w-0 flex-1">
          <h3 className="font-medium">{title}</h3>
          <p className="text-12 text-t3">{off || note}</p>
        </div>
        <Switch
          label={title}
          checked={on}
          disabled={off !== false}
          onChange={(event) => onSwitch(event.target.checked)}
        />
      </div>
      {offer}
      {on && <div className="mt-3 flex flex-col gap-4">{children}</div>}
    </fieldset>
  )
}

/** Which backups go by themselves. */
export function BackupRetentionFields({ draft, errors, off, onChange }: DraftFields) {
  return (
    <SwitchedPart
      title={t('retention')}
      note={t('retention.note')}
      on={draft.tidies}
      off={off}
      onSwitch={(tidies) => {
        const none = RETENTION.every((name) => draft.retention[name] === '')
        onChange({ tidies, ...(tidies && none && { retention: { ...draft.retention, last: '5' } }) })
      }}
    >
      <div className="grid grid-cols-5 items-start gap-3 max-lg:grid-cols-3 max-sm:grid-cols-2">
        {RETENTION.map((name) => (
          <Field key={name} label={t(`retention.${name}`)} error={errors[`retention.${name}`]}>
            {(ids) => (
              <Input
                {...ids}
                className="num"
                inputMode="numeric"
                autoComplete="off"
                placeholder="–"
                maxLength={String(RETENTION_MOST[name]).length}
                disabled={off !== false}
                value={draft.retention[name]}
                onChange={(event) =>
                  onChange({ retention: { ...draft.retention, [name]: event.target.value } })
                }
              />
            )}
          </Field>
        ))}
      </div>
      <p role="status" className="text-12 text-t2">
        {retentionText(draft)}
      </p>
    </SwitchedPart>
  )
}
