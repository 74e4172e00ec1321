# For Doxygen, which makes a link of a function's name that is not in Markdown's own code,
# and of a macro's name behind a number sign. Neither is for who reads the sources.
s!`(ocilayout_[a-z_]+\(\))`!<tt>\1</tt>!g
s!`(OCILAYOUT_[A-Z_]*[A-Z])`!<tt>#\1</tt>!g
/^ \*/s!([ (])(OCILAYOUT_[A-Z_]*[A-Z])\b!\1#\2!g
