import { texts } from '~/i18n/texts'
import { Card } from '~/ui/bits'
import { CopyIcon } from '~/ui/copy'
import { startupParts } from '~/util/rules'
import { visibleLines } from '~/util/visible'

const t = texts('server_fields')

/** The command as it will run; a value that breaks a rule is marked where it stands. */
export function StartupPreview({
  startup,
  values,
  wrong,
}: {
  startup: string
  values: Record<string, string>
  /** Names of the variables whose value is wrong. */
  wrong: ReadonlySet<string>
}) {
  const parts = startupParts(startup, values)
  return (
    <Card className="overflow-hidden">
      <div className="flex h-9 items-center gap-2 border-b border-line pr-2 pl-3.5 text-12">
        <span className="font-medium text-t2">{t('preview')}</span>
        <span className="text-t3">{t('preview.note')}</span>
        <span className="flex-1" />
        <CopyIcon text={parts.map((part) => part.text).join('')} label={t('preview.copy')} />
      </div>
      <div className="mono bg-term-bg px-3.5 py-2.5 text-12 leading-5 text-term-fg [overflow-wrap:anywhere]">
        {parts.map((part, at) =>
          part.env && wrong.has(part.env) ? (
            <mark
              key={at}
              className="bg-transparent text-fail-fg underline decoration-fail-dot decoration-wavy underline-offset-3"
            >
              {visibleLines(part.text)}
            </mark>
          ) : (
            <span key={at}>{visibleLines(part.text)}</span>
          ),
        )}
      </div>
    </Card>
  )
}
