"""The gazette: law at run time. Which edition is published, what is in force on a day."""
