import { texts } from '~/i18n/texts'
import { Switch } from '~/ui/bits'

const t = texts('roles')

/** Whether a role gives nothing to somebody whose sign-in is the password alone. */
export function RoleSecondFactor({
  on,
  off = false,
  onChange,
}: {
  on: boolean
  off?: boolean
  onChange: (on: boolean) => void
}) {
  return (
    <div className="flex items-center gap-3 rounded-box border border-line px-4 py-3">
      <div className="min-w-0 flex-1">
        <div className="font-medium">{t('factor.label')}</div>
        <div className="text-12 text-t3">{t('factor.note')}</div>
      </div>
      <Switch
        label={t('factor.label')}
        checked={on}
        disabled={off}
        onChange={(event) => onChange(event.target.checked)}
      />
    </div>
  )
}
