/** What is known of a build check. */
export interface LintRule {
  readonly name: string;
  readonly description: string;
  /** Where docs/checks.md explains it. */
  readonly url: string;
  /** Off unless `experimental=` names it. */
  readonly isExperimental: boolean;
}

function rule(name: string, description: string, isExperimental = false): readonly [string, LintRule] {
  return [name, { name, description, url: `docs/checks.md#${name.toLowerCase()}`, isExperimental }];
}

/** All checks by name: first BuildKit's, then our own. */
export const rules: ReadonlyMap<string, LintRule> = new Map([
  rule('StageNameCasing', 'Stage names should be lowercase'),
  rule('FromAsCasing', "The 'as' keyword should match the case of the 'from' keyword"),
  rule('NoEmptyContinuation', 'Empty continuation lines will become errors in a future release'),
  rule('ConsistentInstructionCasing', 'All commands within the Dockerfile should use the same casing (either upper or lower)'),
  rule('DuplicateStageName', 'Stage names should be unique'),
  rule('ReservedStageName', 'Reserved words should not be used as stage names'),
  rule(
    'JSONArgsRecommended',
    'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
  ),
  rule('MaintainerDeprecated', 'The MAINTAINER instruction is deprecated, use a label instead to define an image author'),
  rule('UndefinedArgInFrom', 'FROM command must use declared ARGs'),
  rule(
    'WorkdirRelativePath',
    'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
  ),
  rule('UndefinedVar', 'Variables should be defined before their use'),
  rule('MultipleInstructionsDisallowed', 'Multiple instructions of the same type should not be used in the same stage'),
  rule('LegacyKeyValueFormat', 'Legacy key/value format with whitespace separator should not be used'),
  rule('InvalidBaseImagePlatform', 'Base image platform does not match expected target platform'),
  rule(
    'RedundantTargetPlatform',
    'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
  ),
  rule('SecretsUsedInArgOrEnv', 'Sensitive data should not be used in the ARG or ENV commands'),
  rule('InvalidDefaultArgInFrom', 'Default value for global ARG results in an empty or invalid base image name'),
  rule('FromPlatformFlagConstDisallowed', 'FROM --platform flag should not use a constant value'),
  rule('CopyIgnoredFile', 'Attempting to Copy file that is excluded by .dockerignore'),
  rule(
    'InvalidDefinitionDescription',
    'Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.',
    true,
  ),
  rule('ExposeProtoCasing', 'Protocol in EXPOSE instruction should be lowercase'),
  rule(
    'ExposeInvalidFormat',
    'IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release',
  ),
  rule('CmdIgnoredByEntrypoint', 'CMD has no effect beside an ENTRYPOINT in shell form'),
  rule('ChmodClosesFolders', 'Octal --chmod should not close the folders that COPY creates'),
  rule('MountOptionWithoutEffect', 'Mount options should mean something for the type of the mount'),
  rule('UnusedGlobalArg', 'ARGs before the first FROM should be used by a FROM or declared again in a stage'),
  rule('UnknownCheck', 'Names of checks to skip or enable should exist'),
  rule('EmptyCommand', 'RUN, CMD and ENTRYPOINT should have a command'),
  rule('WideBlank', 'Blanks that are none of ASCII separate no words, and should be in quotes if they are meant'),
  rule('SyntaxIgnored', 'Frontends other than the built-in one are not used'),
  rule('HeredocIgnoresFailures', 'Scripts of several commands should stop at the first that fails', true),
]);
