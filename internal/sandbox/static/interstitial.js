// Goes to the redirect URI, as Stack Exchange's own interstitial page does.
'use strict';

location.replace(document.querySelector('[data-target]').href);
