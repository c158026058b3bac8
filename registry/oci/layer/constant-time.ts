/**
 * The time that everything made by a build carries: 1980-01-02T00:00:00Z, in seconds since the epoch. Not 0, because zip archives
 * cannot express it, and a day after zip's first date so that no time zone moves it before.
 */
export const constantTimeSeconds = 315_619_200;
